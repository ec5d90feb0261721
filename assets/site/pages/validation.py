"""What the score has been worth, the negative results included."""

from __future__ import annotations

from assets.site import charts
from assets.site.figures import Column, Figure, Reader
from assets.site.pages.parts import SCORED, Page, Section

HORIZON = 21  # sessions; the published tables have 5 and 63 too


def page(reader: Reader) -> Page:
    compared = reader.tuples(
        "select outcome, verdict, count(*) from regime_comparison where period = 'all' group by all"
    )
    return Page(
        "validation.html",
        "Validation",
        "What the score has been worth. It describes conditions; it predicts no returns.",
        [
            Section(
                "Against its rivals",
                [rivals(reader, "return"), rivals(reader, "loss")],
                _in_words(compared),
                small=True,
            ),
            Section(
                "After each state",
                [states(reader, "all", "all years"), states(reader, "held_out", "held-out years")],
                "What SPY returned within 21 sessions, with the 95 % interval of a block bootstrap. Hollow: too few "
                "independent stretches for an interval or a verdict.",
                small=True,
            ),
            Section(
                "Losses by threat level",
                [losses(reader, "all", "all years"), losses(reader, "held_out", "held-out years")],
                small=True,
            ),
            Section("The simulated market", [detection(reader), confusion(reader)], small=True),
        ],
    )


def _in_words(compared: list[tuple]) -> str:
    """How many comparisons the score wins, of all horizons; nothing where there is none."""
    count: dict[tuple[str, str], int] = {(outcome, verdict): n for outcome, verdict, n in compared}
    told = []
    for outcome, name in (("return", "returns"), ("loss", "losses")):
        total = sum(n for (of, _), n in count.items() if of == outcome)
        beats, open_ = count.get((outcome, "beats"), 0), count.get((outcome, "insufficient"), 0)
        if total:
            told.append(
                f"Of {total} comparisons of {name} over all horizons the score wins {beats or 'none'}"
                + (f"; {open_} have too few independent stretches to tell." if open_ else ".")
            )
    return " ".join(told)


def rivals(reader: Reader, outcome: str) -> Figure:
    columns = (
        Column("regime_comparison.rival", "Rival"),
        Column("regime_comparison.difference", "Score less rival", "points", 1, 100, True),
        Column("regime_comparison.ci_low", "From", "points", 1, 100, True),
        Column("regime_comparison.ci_high", "To", "points", 1, 100, True),
        Column("regime_comparison.score_spread", "Score's spread", "points", 1, 100, True),
        Column("regime_comparison.rival_spread", "Rival's spread", "points", 1, 100, True),
        Column("regime_comparison.n_blocks", "Blocks", "", 0),
        Column("regime_comparison.verdict", "Verdict", in_words=True),
    )
    rows = reader.rows(
        columns,
        "from regime_comparison where period = 'all' and outcome = $outcome and horizon = $horizon "
        "and difference is not null order by rival",
        outcome=outcome,
        horizon=HORIZON,
    )
    what = "Returns" if outcome == "return" else "Rarer losses of 5 % or more"
    return Figure(
        id=f"rivals-{outcome}",
        title=f"{what}: the score less each rival",
        note="Spread between bullish and bearish sessions, less the rival's between its own two states, 21 sessions, "
        "all years. The score beats a rival where the interval lies right of zero.",
        columns=columns,
        rows=rows,
        source=reader.source(*SCORED),
        chart=charts.intervals(
            "rival",
            "difference",
            "ci_low",
            "ci_high",
            "percentage points",
            order=[row[0] for row in rows],
            has_intervals=any(row[2] is not None for row in rows),
            form="+.1f",
        ),
    )


STATE_KINDS = ("direction", "regime", "threat_level", "baseline", "challenger")


def states(reader: Reader, period: str, name: str) -> Figure:
    columns = (
        Column("regime_performance.state_kind", "Kind", in_words=True),
        Column("regime_performance.state", "State"),
        Column("regime_performance.mean_return", "Mean return", "%", 1, 100, True),
        Column("regime_performance.ci_low", "From", "%", 1, 100, True),
        Column("regime_performance.ci_high", "To", "%", 1, 100, True),
        Column("regime_performance.prob_loss_5pct", "Losses of 5 %", "%", 0, 100),
        Column("regime_performance.n", "Sessions", "", 0),
        Column("regime_performance.n_blocks", "Blocks", "", 0),
        Column("regime_performance.verdict", "Verdict", in_words=True),
    )
    rows = reader.rows(
        columns,
        "from regime_performance where period = $period and horizon = $horizon and mean_return is not null "
        "order by list_position($kinds, state_kind), state",
        period=period,
        horizon=HORIZON,
        kinds=list(STATE_KINDS),
    )
    return Figure(
        id=f"states-{period}",
        title=f"Mean return after each state, {name}",
        note="Verdicts compare with all sessions of the period (unconditional).",
        columns=columns,
        rows=rows,
        source=reader.source(*SCORED),
        chart=charts.intervals(
            "state",
            "mean_return",
            "ci_low",
            "ci_high",
            "return over 21 sessions, percent",
            order=_apart(rows),
            has_intervals=any(row[3] is not None for row in rows),
        ),
    )


def _apart(rows: list[tuple]) -> list[str]:
    """The states, with room between their kinds."""
    order: list[str] = []
    for n, (kind, state, *_) in enumerate(rows):
        if n and kind != rows[n - 1][0]:
            order.append(" " * n)
        order.append(state)
    return order


def losses(reader: Reader, period: str, name: str) -> Figure:
    columns = (
        Column("regime_performance.state", "Threat level"),
        Column("regime_performance.prob_loss_5pct", "Sessions followed by a loss of 5 % or more", "%", 0, 100),
        Column("regime_performance.n", "Sessions", "", 0),
        Column("regime_performance.n_blocks", "Blocks", "", 0),
    )
    rows = reader.rows(
        columns,
        "from regime_performance where period = $period and horizon = $horizon and prob_loss_5pct is not null "
        "and state_kind = 'threat_level' order by state",
        period=period,
        horizon=HORIZON,
    )
    return Figure(
        id=f"losses-{period}",
        title=f"Losses of 5 % or more, {name}",
        note="How often SPY closed 5 % or more below the entry within 21 sessions, by the threat level of the session. "
        "A frequency of the past, no forecast.",
        columns=columns,
        rows=rows,
        source=reader.source(*SCORED),
        chart=charts.shares("state", "prob_loss_5pct", "share of sessions", order=[row[0] for row in rows]),
    )


def detection(reader: Reader) -> Figure:
    columns = (
        Column("regime_detection.measure", "Measure", in_words=True),
        Column("regime_detection.value", "Value", "", None),
    )
    return Figure(
        id="detection",
        title="How well the model finds the regimes of a simulation",
        note="Agreement and guesses are shares of sessions, delays are sessions.",
        columns=columns,
        rows=reader.rows(columns, "from regime_detection order by measure"),
        source=reader.source("regime_path"),
    )


def confusion(reader: Reader) -> Figure:
    columns = (
        Column("regime_confusion.hidden_regime", "Hidden regime", in_words=True),
        Column("regime_confusion.regime", "Named", in_words=True),
        Column("regime_confusion.share", "Share of its sessions", "%", 0, 100),
        Column("regime_confusion.sessions", "Sessions", "", 0),
    )
    rows = reader.rows(columns, "from regime_confusion order by hidden_regime, share desc")
    return Figure(
        id="confusion",
        title="What the hidden regimes were taken for",
        note="A row is a regime of the simulation, a column the name that the model gave.",
        columns=columns,
        rows=rows,
        source=reader.source("regime_path"),
        chart=charts.confusion(len({row[0] for row in rows})),
    )
