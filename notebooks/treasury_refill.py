"""Does a refill of the Treasury's account drain what lifts the market? A marimo notebook on the published file.

`make notebook` opens it; it reads what is published in TIDEGAUGE_HOME.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Does a Treasury refill drain the market?")

with app.setup:
    import altair as alt
    import marimo as mo
    import numpy as np

    from assets.home import Home
    from assets.versions import read_manifest
    from orchestration.database import open_publication
    from orchestration.settings import Settings

    HORIZONS = (5, 21, 63)  # sessions
    BLOCK = 63  # sessions: as long as the longest window, so that a block holds whole windows
    DRAWS = 2000
    LEAST_BLOCKS = 10  # with fewer, an interval means little
    SEED = 20260130


@app.cell(hide_code=True)
def _():
    mo.md("""
    # Does a refill of the Treasury's account drain what lifts the market?

    Articles say so: when the Treasury fills its account at the Fed, reserves leave the banks, and shares have less to
    live on. Two claims are in it, and they can be told apart:

    1. **It drains.** When the account rises, net liquidity (Fed assets less the account less the reverse repo) falls.
    2. **The drain is followed by lower returns.** When the account has risen over 20 sessions, the S&P 500 (SPY, total
       return) does worse over the next ones.

    The first is half arithmetic, for the account is a part of net liquidity; it is true unless something else gives at
    the same time. The second is the one that matters.
    """)
    return


@app.cell
def _():
    home = Home(Settings().home)
    manifest = read_manifest(home)
    mo.stop(manifest is None, mo.md(f"Nothing is published in `{home.root}` yet. Run `tidegauge run` first."))
    with open_publication(home.analysis) as connection:
        # The entry is the close after the evening on which the change was known.
        rows = connection.execute("""
            select
                date,
                tga_bn,
                tga_change_20_bn,
                net_liquidity_change_20_bn,
                lead(adj_close, 1) over sessions as entry,
                lead(adj_close, 6) over sessions as after_5,
                lead(adj_close, 22) over sessions as after_21,
                lead(adj_close, 64) over sessions as after_63
            from liquidity
            join price_indicators using (date)
            where symbol = 'SPY'
            window sessions as (order by date)
            order by date
        """).df()
    changes = rows["tga_change_20_bn"].to_numpy() / 100  # in 100 bn
    drains = rows["net_liquidity_change_20_bn"].to_numpy() / 100
    returns = {k: 100 * np.log(rows[f"after_{k}"] / rows["entry"]).to_numpy() for k in HORIZONS}  # log, percent
    return changes, drains, manifest, returns, rows


@app.cell(hide_code=True)
def _(manifest, rows):
    _notice = (
        mo.callout(mo.md("**Simulated data**: a seeded model of a market, not observations. What follows is about it."))
        if manifest["simulated"]
        else mo.md("")
    )
    mo.vstack(
        [
            _notice,
            mo.md(
                f"Publication {manifest['version']}, from {manifest['source']}, as of {manifest['as_of']}: "
                f"{len(rows):,} sessions, {rows['tga_change_20_bn'].count():,} of them with a change of the account. "
                "Each change is of what was known on its evening; the return starts at the next close."
            ),
        ]
    )
    return


@app.cell
def _(rows):
    _account = (
        alt.Chart(rows[["date", "tga_bn"]].dropna())
        .mark_line(strokeWidth=1)
        .encode(alt.X("date:T", title=None), alt.Y("tga_bn:Q", title="Treasury account, $ bn"))
        .properties(height=200, width="container")
    )
    mo.ui.altair_chart(_account, chart_selection=False, legend_selection=False)
    return


@app.cell
def _():
    def slope(x, y):
        """Least squares: y per unit of x."""
        centred = x - x.mean()
        return float(centred @ y / (centred @ centred))

    def interval(x, y, draws=DRAWS, block=BLOCK, seed=SEED):
        """The slope of y on x with 95 % of a circular block bootstrap, over sessions that have both.

        Windows that overlap are no independent draws; whole blocks of them nearly are. Returns the slope, its ends and
        the number of blocks.
        """
        there = np.isfinite(x) & np.isfinite(y)
        x, y = x[there], y[there]
        n, blocks = len(x), len(x) // block
        if blocks < LEAST_BLOCKS:
            return {"slope": slope(x, y) if n > 1 else None, "low": None, "high": None, "blocks": blocks}
        starts = np.random.RandomState(seed).randint(n, size=(draws, -(-n // block)))
        sessions = (starts[:, :, None] + np.arange(block)).reshape(draws, -1)[:, :n] % n
        drawn = [slope(x[one], y[one]) for one in sessions]
        low, high = np.quantile(drawn, (0.025, 0.975))
        return {"slope": slope(x, y), "low": float(low), "high": float(high), "blocks": blocks}

    def verdict(found):
        """What an interval allows to say of an effect below zero."""
        if found["low"] is None:
            return "too little data"
        return "yes" if found["high"] < 0 else "no, the opposite" if found["low"] > 0 else "not shown"

    return interval, verdict


@app.cell
def _(changes, drains, interval, returns, verdict):
    drain = interval(changes, drains)
    drain["verdict"] = verdict(drain)
    effects = {k: interval(changes, returns[k]) for k in HORIZONS}
    for _found in effects.values():
        _found["verdict"] = verdict(_found)
    return drain, effects


@app.cell(hide_code=True)
def _(drain):
    def said(found, unit):
        """A slope and its interval in words."""
        if found["low"] is None:
            return f"there are {found['blocks']} blocks of {BLOCK} sessions, too few to say"
        return f"{found['slope']:+.2f} {unit} (95 %: {found['low']:+.2f} to {found['high']:+.2f})"

    mo.md(f"""
    ## Does it drain?

    Net liquidity moves by {said(drain, "$ per $")} with the account over the same 20 sessions: **{drain["verdict"]}**.
    Minus one would be a refill that nothing offsets.
    """)
    return (said,)


@app.cell
def _(changes, effects, returns):
    _there = np.isfinite(changes) & np.isfinite(returns[21])
    _points = [
        {"change": 100 * x, "return": y} for x, y in zip(changes[_there][::5], returns[21][_there][::5], strict=True)
    ]
    _scatter = (
        alt.Chart(alt.Data(values=_points))
        .mark_point(size=12, opacity=0.4)
        .encode(
            alt.X("change:Q", title="change of the account over 20 sessions, $ bn"),
            alt.Y("return:Q", title="SPY over the next 21 sessions, log %"),
        )
        .properties(height=240, width=320, title="Every fifth session")
    )
    _rows = [{"sessions": str(k), **found} for k, found in effects.items() if found["low"] is not None]
    _base = alt.Chart(alt.Data(values=_rows)).encode(
        alt.Y("sessions:N", sort=[str(k) for k in HORIZONS], title="next sessions")
    )
    _bars = _base.mark_rule(strokeWidth=3).encode(
        alt.X("low:Q", title="log % per 100 bn of refill, with 95 %"), alt.X2("high:Q")
    )
    _zero = alt.Chart(alt.Data(values=[{"x": 0}])).mark_rule(strokeDash=[4, 4]).encode(alt.X("x:Q"))
    _effects = (_bars + _base.mark_point(filled=True, size=80).encode(alt.X("slope:Q")) + _zero).properties(
        height=240, width=320, title="The effect and its interval"
    )
    mo.ui.altair_chart(_scatter | _effects, chart_selection=False, legend_selection=False)
    return


@app.cell
def _(effects, manifest):
    _shown = [k for k, found in effects.items() if found["verdict"] == "yes"]
    _opposite = [k for k, found in effects.items() if found["verdict"] == "no, the opposite"]
    _known = [k for k, found in effects.items() if found["low"] is not None]
    _market = "the simulated market" if manifest["simulated"] else "these data"
    if not _known:
        conclusion = "There is too little data to say anything."
    elif _shown:
        conclusion = (
            f"In {_market} lower returns followed a refill over {', '.join(map(str, _shown))} sessions. "
            f"Of {len(_known)} horizons tried one may do so by chance; a rule to trade on needs other data to hold on."
        )
    elif _opposite:
        conclusion = (
            f"No: in {_market} higher returns followed a refill, over {', '.join(map(str, _opposite))} sessions."
        )
    else:
        conclusion = (
            f"Not shown: in {_market} no horizon has an interval that leaves zero out. That is a negative result. It "
            "does not prove that there is no effect, only that none beyond the ends of the intervals is likely."
        )
    return (conclusion,)


@app.cell(hide_code=True)
def _(conclusion, effects, said):
    _lines = "\n".join(f"| {k} | {said(found, 'log %')} | {found['verdict']} |" for k, found in effects.items())
    mo.md(
        f"""
## Is it followed by lower returns?

| next sessions | SPY per 100 bn of refill | lower? |
|--:|---|---|
{_lines}

**{conclusion}**

How it was tested: the slope by least squares; its interval from {DRAWS:,} circular bootstraps in blocks of {BLOCK}
sessions, since windows of 20 and 63 sessions overlap. Three horizons were tried and all are shown. A refill comes with
other things, tax dates and debt ceilings above all; a slope separates none of them.
"""
    )
    return


if __name__ == "__main__":
    app.run()
