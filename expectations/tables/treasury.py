"""Treasury cash and settlements, liquidity, rates and credit."""

from __future__ import annotations

from dataclasses import replace

from expectations.rule import (
    ARITHMETIC,
    Rule,
    Table,
    arrived,
    as_published,
    common,
    every_session,
    known,
    no_rows,
    not_after_as_of,
    nothing_in,
    session,
    with_calendar,
    within,
)

# Treasury statements are verified against the world from this date on; earlier ones are only reported.
_VERIFIED_STATEMENTS = "DATE '2016-01-04'"


def _treasury_cash() -> Table:
    key = ("record_date",)
    columns = {
        "record_date": "date",
        "tga_open_bn": "number",
        "tga_close_bn": "number",
        "deposits_bn": "number",
        "withdrawals_bn": "number",
        "statement_era": "any",
        "known_at": "timestamp",
    }
    before = f"record_date < {_VERIFIED_STATEMENTS}"
    since = f"record_date >= {_VERIFIED_STATEMENTS}"
    consecutive = "gate_number - gate_previous_number = 1"
    opening = f"{consecutive} and abs(tga_open_bn - gate_previous_close_bn) > 0.0005"
    opening_shown = "tga_open_bn, gate_previous_date as previous_date, gate_previous_close_bn as previous_close_bn"
    gap = "gate_number - gate_previous_number > 1"
    gap_shown = "gate_previous_date as previous_date, gate_number - gate_previous_number - 1 as missing_business_days"
    return Table(
        key,
        columns,
        rules=(
            *common(key, columns, ("operating_cash_balance",), always=("known_at",)),
            no_rows(
                "closing_known",
                "tga_close_bn is null",
                "every statement has a closing balance",
                key,
                severity="warning",
            ),
            no_rows(
                "opening_known",
                f"tga_open_bn is null and {since}",
                "every statement since 2016 has an opening balance",
                key,
                severity="warning",
            ),
            within("tga_close_bn", 0, 3000, key),
            within("tga_open_bn", 0, 3000, key),
            # to the million, in which the statement is written; later ones are checked where they come in
            no_rows(
                "opening_is_previous_close_before_2016",
                f"{opening} and {before}",
                "a statement before 2016 opens with the closing balance of the business day before",
                key,
                opening_shown,
                "warning",
            ),
            no_rows(
                "no_statement_missing",
                f"{gap} and {since}",
                "no federal business day lacks its statement between the first and the last",
                key,
                gap_shown,
                "warning",
            ),
            no_rows(
                "no_statement_missing_before_2016",
                f"{gap} and {before}",
                "no federal business day before 2016 lacks its statement",
                key,
                gap_shown,
                "warning",
            ),
            not_after_as_of("record_date", key),
            *as_published(key, "record_date", "tga_close_bn", is_of_source=True),
            no_rows(
                "known_after_date",
                "known_at < record_date",
                "no statement is known before its day",
                key,
                "known_at",
            ),
        ),
        rows=(
            "(select *, lag(record_date) over w as gate_previous_date, "
            "lag(tga_close_bn) over w as gate_previous_close_bn, "
            "lag(gate_number) over w as gate_previous_number "
            "from (select t.*, c.federal_number as gate_number from {table} as t "
            "left join {schema}.calendar as c on c.date = t.record_date) window w as (order by record_date))"
        ),
    )


def _settlements(table_key: tuple[str, ...], statuses: tuple[str, ...]) -> tuple[dict[str, str], tuple[Rule, ...]]:
    """Columns and rules that the settlements as known today and those ahead of each session have in common."""
    amounts = ("gross_bill_bn", "gross_coupon_bn", "maturing_bn")
    columns = {
        **dict.fromkeys(table_key, "date"),
        **dict.fromkeys((*amounts, "net_new_cash_bn", "securities"), "number"),
        "status": "text",
        "known_at": "timestamp",
    }
    parts = f"{', '.join(amounts)}, net_new_cash_bn, status"
    listed = ", ".join(f"'{status}'" for status in statuses)
    return columns, (
        *common(table_key, columns, ("auctions",), always=("securities", "known_at")),
        *(within(column, 0, 1000, table_key) for column in amounts),
        no_rows(
            "net_is_gross_less_maturing",
            f"abs(gross_bill_bn + gross_coupon_bn - maturing_bn - net_new_cash_bn) > {ARITHMETIC}",
            "net new cash = gross bills + gross coupons - maturing",
            table_key,
            parts,
        ),
        no_rows(
            "net_known_with_parts",
            "(net_new_cash_bn is null) <> "
            f"({' or '.join(f'{column} is null' for column in amounts)} or status = 'tentative')",
            "net new cash is known where, and only where, its parts are and the status is not tentative",
            table_key,
            parts,
        ),
        no_rows(
            "status_known",
            f"coalesce(status, '') not in ({listed})",
            f"every status is {', '.join(statuses[:-1])} or {statuses[-1]}",
            table_key,
            "status",
        ),
        no_rows("has_securities", "securities < 1", "a settlement has at least one security", table_key, "securities"),
    )


def _treasury_settlements() -> Table:
    key = ("issue_date",)
    columns, rules = _settlements(key, ("tentative", "announced", "auctioned", "settled"))
    return Table(
        key,
        columns,
        rules=(
            *rules,
            no_rows(
                "settled_by_its_date",
                "(status = 'settled' and issue_date > {as_of}) or (status = 'auctioned' and issue_date <= {as_of})",
                "a settlement is settled from its issue date on, auctioned before it",
                key,
                "status",
            ),
            # Results come within the day; a settlement that has none after its issue date tells of a stale source.
            no_rows(
                "results_by_settlement",
                "status = 'announced' and issue_date between {as_of} - 28 and {as_of} - 1",
                "every settlement of the last four weeks has its results",
                key,
                "status",
                "warning",
            ),
            *as_published(key, "issue_date", "maturing_bn"),
        ),
    )


def _settlements_ahead() -> Table:
    key = ("date", "issue_date")
    columns, rules = _settlements(key, ("tentative", "announced", "auctioned"))
    return Table(
        key,
        columns | {"days_ahead": "number"},
        rules=(
            *rules,
            no_rows(
                "is_ahead",
                "issue_date <= date or issue_date > date + 30",
                "every issue date is one of the 30 days after the session",
                key,
            ),
            no_rows("days_ahead_known", "days_ahead is null", "every settlement is some days ahead", key),
            within("days_ahead", 1, 30, key),
            no_rows(
                "known_on_session",
                "known_at > gate_as_of_at",
                "nothing is used that was not known at 18:00 New York time of the session",
                key,
                "known_at",
            ),
            session(key),
            not_after_as_of("date", key),
            *as_published(key),
        ),
        rows=with_calendar(extra=", c.as_of_at as gate_as_of_at"),
    )


def _liquidity() -> Table:
    key = ("date",)
    datasets = ("fred_observations", "operating_cash_balance")
    amounts = (
        "fed_assets_bn",
        "tga_bn",
        "rrp_bn",
        "reserves_bn",
        "net_liquidity_bn",
        "tga_change_1_bn",
        "tga_change_5_bn",
        "tga_change_20_bn",
        "net_liquidity_change_5_bn",
        "net_liquidity_change_20_bn",
        "net_liquidity_change_65_bn",
    )
    columns = {
        "date": "date",
        **dict.fromkeys(amounts, "number"),
        "fed_assets_date": "date",
        "tga_date": "date",
        "rrp_date": "date",
        "reserves_date": "date",
        "max_age_days": "number",
    }
    legs = "fed_assets_bn, tga_bn, rrp_bn, net_liquidity_bn"
    legs_arrived = arrived("fred_observations/WALCL", "fred_observations/RRPONTSYD", "operating_cash_balance")
    # of earlier sessions the statement may have been corrected since
    unlike_statement = (
        "select t.date, t.tga_date, t.tga_bn, c.tga_close_bn from {table} as t "
        "left join {schema}.treasury_cash as c on c.record_date = t.tga_date "
        "where t.tga_bn is not null and t.tga_bn is distinct from c.tga_close_bn "
        "and t.date = (select max(date) from {table})"
    )
    return Table(
        key,
        columns,
        rules=(
            *common(key, columns, datasets),
            known("net_liquidity_bn", "net liquidity", datasets, legs_arrived),
            no_rows(
                "net_is_sum_of_legs",
                f"abs(net_liquidity_bn - (fed_assets_bn - tga_bn - rrp_bn)) > {ARITHMETIC}",
                "net liquidity = Fed assets - TGA - RRP",
                key,
                legs,
            ),
            no_rows(
                "net_known_with_legs",
                "(net_liquidity_bn is null) <> (fed_assets_bn is null or tga_bn is null or rrp_bn is null)",
                "net liquidity is NULL where, and only where, a leg is: a missing leg is never taken as zero",
                key,
                legs,
            ),
            within("fed_assets_bn", 500, 15000, key),
            within("tga_bn", 0, 3000, key),
            within("rrp_bn", 0, 5000, key),
            within("reserves_bn", 0, 10000, key),
            no_rows(
                "legs_not_later",
                "greatest(fed_assets_date, tga_date, rrp_date, reserves_date) > date",
                "no leg is observed after the date it stands for",
                key,
                "fed_assets_date, tga_date, rrp_date, reserves_date",
            ),
            session(key),
            every_session(until="{as_of}"),
            not_after_as_of("date", key),
            nothing_in(
                "tga_as_stated", unlike_statement, "the last tga_bn is the closing balance of the statement of tga_date"
            ),
            *as_published(key, stands="net_liquidity_bn"),
            replace(
                no_rows(
                    "last_net_known",
                    "net_liquidity_bn is null and date = (select max(date) from {table})",
                    "net liquidity of the last session is known",
                    key,
                    legs,
                    "warning",
                ),
                given=legs_arrived,
            ),
        ),
        rows=with_calendar(),
    )


def _rates_and_credit() -> Table:
    key = ("date",)
    rates = ("dgs3mo", "dgs2", "dgs10", "hy_oas_pp", "ig_oas_pp", "sofr", "effr")
    columns = {
        "date": "date",
        **dict.fromkeys((*rates, "curve_10y2y_pp", "curve_10y3m_pp", "sofr_effr_pp", "vix"), "number"),
    }
    differences = (
        ("curve_10y2y_pp", "dgs10", "dgs2"),
        ("curve_10y3m_pp", "dgs10", "dgs3mo"),
        ("sofr_effr_pp", "sofr", "effr"),
    )
    return Table(
        key,
        columns,
        rules=(
            *common(key, columns, ("fred_observations",)),
            known("dgs10", "the ten-year yield", ("fred_observations",), arrived("fred_observations/DGS10")),
            *(within(column, -2, 25, key) for column in rates),
            within("vix", 5, 150, key),
            *(
                no_rows(
                    f"{spread}_is_difference",
                    f"abs({spread} - ({left} - {right})) > {ARITHMETIC} "
                    f"or ({spread} is not null and ({left} is null or {right} is null))",
                    f"{spread} = {left} - {right}, and NULL where one of them is",
                    key,
                    f"{spread}, {left}, {right}",
                )
                for spread, left, right in differences
            ),
            session(key),
            every_session(until="{as_of}"),
            not_after_as_of("date", key),
            *as_published(key, stands="dgs10", is_of_source=True),
        ),
        rows=with_calendar(),
    )


TABLES: dict[str, Table] = {
    "treasury_cash": _treasury_cash(),
    "treasury_settlements": _treasury_settlements(),
    "settlements_ahead": _settlements_ahead(),
    "liquidity": _liquidity(),
    "rates_and_credit": _rates_and_credit(),
}
