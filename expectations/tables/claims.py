"""The claims ledger and the brief."""

from __future__ import annotations

from expectations.rule import Table, common, named, no_rows, not_after_as_of, nothing_in, session, with_calendar, within

_CLAIM_KINDS = ("level", "change", "rank", "relation", "event", "forecast", "opinion")


def _claims() -> Table:
    key = ("claim_id", "definition_id", "as_of_date")
    texts = ("claim_id", "definition_id", "article_id", "statement", "kind", "predicate", "verdict", "evidence")
    columns = {
        **dict.fromkeys(texts, "text"),
        **dict.fromkeys(("as_of_date", "resolves_at"), "date"),
        **dict.fromkeys(("value", "threshold", "margin", "base_rate", "base_n"), "number"),
        "is_simulated": "boolean",
    }
    decided = "verdict in ('supported', 'contradicted')"
    return Table(
        key,
        columns,
        rules=(
            *common(key, columns, always=("article_id", "statement", "is_simulated")),
            within("base_rate", 0, 1, key),
            named("kind", _CLAIM_KINDS, key),
            named("verdict", ("supported", "contradicted", "pending", "not_testable"), key),
            no_rows(
                "measured_with_verdict",
                f"({decided}) = (value is null) or (value is null) <> (margin is null)",
                "a claim has a value and a margin where, and only where, the data decide it",
                key,
                "verdict, value, margin",
            ),
            no_rows(
                "verdict_by_margin",
                "(verdict = 'supported' and margin < 0) or (verdict = 'contradicted' and margin > 0)",
                "what is supported lies inside of what the predicate allows, what is contradicted outside",
                key,
                "verdict, value, threshold, margin",
            ),
            no_rows(
                "evidence_known",
                "coalesce(evidence, '') not like '%\":%'",
                "every verdict has its evidence, or says why there is none",
                key,
                "verdict",
            ),
            no_rows(
                "decided_when_due",
                f"kind = 'forecast' and {decided} and coalesce(resolves_at > as_of_date, true)",
                "no forecast is decided before it resolves",
                key,
                "verdict, resolves_at",
            ),
            session(key),
            not_after_as_of("as_of_date", key),
        ),
        rows=with_calendar("as_of_date"),
    )


def _claim_verdicts() -> Table:
    key = ("claim_id", "as_of_date")
    counts = ("definitions", "supporting", "contradicting", "pending")
    columns = {
        **dict.fromkeys(("claim_id", "article_id", "statement", "kind", "verdict"), "text"),
        **dict.fromkeys(("as_of_date", "article_date", "spoken_date", "resolves_at"), "date"),
        **dict.fromkeys(counts, "number"),
        "is_simulated": "boolean",
    }
    counted = (
        "select claim_id, as_of_date, count(*) as definitions, "
        "count(*) filter (where verdict = 'supported') as supporting, "
        "count(*) filter (where verdict = 'contradicted') as contradicting, "
        "count(*) filter (where verdict = 'pending') as pending from {schema}.claims group by all"
    )
    unlike = (
        f"select * from ({counted}) as c full join {{table}} as t using (claim_id, as_of_date) "
        f"where {' or '.join(f't.{name} is distinct from c.{name}' for name in counts)} order by 1, 2"
    )
    return Table(
        key,
        columns,
        rules=(
            *common(key, columns, always=("article_id", "article_date", "spoken_date", "statement", "is_simulated")),
            named("kind", _CLAIM_KINDS, key),
            no_rows(
                "verdict_by_counts",
                "verdict is distinct from case when supporting > 0 and contradicting > 0 then 'mixed' "
                "when supporting > 0 then 'supported' when contradicting > 0 then 'contradicted' "
                "when pending > 0 then 'pending' else 'not_testable' end",
                "a claim is mixed where its definitions disagree, and else what they say",
                key,
                "verdict, supporting, contradicting, pending",
            ),
            nothing_in("counts_definitions", unlike, "every claim counts its definitions in claims"),
            session(key),
            not_after_as_of("as_of_date", key),
        ),
        rows=with_calendar("as_of_date"),
    )


def _market_brief() -> Table:
    key = ("as_of_date",)
    columns = {
        "as_of_date": "date",
        **dict.fromkeys(("headline", "direction", "risk_label", "body_markdown", "facts"), "text"),
        **dict.fromkeys(("pulse", "threat_level"), "number"),
    }
    unlike = (
        "select b.as_of_date, b.pulse from {table} as b inner join (select as_of_date, list(pulse) as pulses "
        "from {schema}.regime_scores group by as_of_date) as s on b.as_of_date = s.as_of_date "
        "where b.pulse is not null and not list_contains(s.pulses, b.pulse) order by b.as_of_date"
    )
    return Table(
        key,
        columns,
        rules=(
            *common(key, columns, always=("facts",)),
            no_rows(
                "holds_its_headline",
                "coalesce(headline, '') = '' or not contains(coalesce(body_markdown, ''), '**' || headline || '**')",
                "a brief holds its headline",
                key,
                "headline",
            ),
            nothing_in("pulse_as_scored", unlike, "a brief's pulse is that of a score of its session"),
            session(key),
            not_after_as_of("as_of_date", key),
        ),
        rows=with_calendar("as_of_date"),
    )


TABLES: dict[str, Table] = {
    "claims": _claims(),
    "claim_verdicts": _claim_verdicts(),
    "market_brief": _market_brief(),
}
