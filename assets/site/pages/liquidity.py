"""Net liquidity, the Treasury's account and its settlements, the Fed's balance sheet, rates and credit."""

from __future__ import annotations

from collections.abc import Sequence

from assets.site import charts
from assets.site.figures import Column, Figure, Reader
from assets.site.pages.parts import WEEKLY, Page, Section, daily, lines, weekly


def page(reader: Reader) -> Page:
    date = Column("liquidity.date", "Session")

    def level(title: str, column: str, label: str, datasets: Sequence[str], height: int = 240) -> Figure:
        columns = (date, Column(f"liquidity.{column}", label, "bn USD"))
        query = weekly("liquidity", "date", column, 10)
        return lines(reader, title, columns, query, datasets, WEEKLY, height=height)

    fed = ("fred_observations",)
    credit = Column("rates_and_credit.date", "Session")

    def rate(title: str, *columns: Column, form: str = ".1f") -> Figure:
        query = weekly("rates_and_credit", "date", f"coalesce({', '.join(c.name for c in columns)})", 10)
        return lines(reader, title, (credit, *columns), query, fed, WEEKLY, form=form, height=180)

    return Page(
        "liquidity.html",
        "Liquidity",
        "Is cash leaving the markets: the Fed's balance sheet, the Treasury's account, and what settles next.",
        [
            Section(
                "Net liquidity",
                [level("Net liquidity", "net_liquidity_bn", "Net liquidity", (*fed, "operating_cash_balance"))],
                "Fed assets less the Treasury's account less reverse repo, as they were known at each session.",
            ),
            Section(
                "Treasury account",
                [
                    lines(
                        reader,
                        "Balance of the account",
                        (date, Column("liquidity.tga_bn", "Treasury account", "bn USD")),
                        daily("liquidity", "date", "tga_bn", 2),
                        ("operating_cash_balance",),
                        "Every session of two years.",
                    ),
                    cash_flows(reader),
                ],
                "A rising account takes cash out of the markets.",
            ),
            Section(
                "Settlements", [ahead(reader), settled(reader)], "New cash is what buyers pay beyond what matures."
            ),
            Section(
                "The Fed's balance sheet",
                [
                    level("Fed assets", "fed_assets_bn", "Fed assets", fed, height=180),
                    level("Reserves", "reserves_bn", "Reserves", fed, height=180),
                    level("Reverse repo", "rrp_bn", "Reverse repo", fed, height=180),
                ],
                small=True,
            ),
            Section(
                "Rates and credit",
                [
                    rate(
                        "Ten-year less two-year yield",
                        Column("rates_and_credit.curve_10y2y_pp", "10y less 2y", "pp", 2),
                    ),
                    rate(
                        "Credit spreads",
                        Column("rates_and_credit.hy_oas_pp", "high yield", "pp", 2),
                        Column("rates_and_credit.ig_oas_pp", "investment grade", "pp", 2),
                    ),
                    rate(
                        "SOFR less fed funds",
                        Column("rates_and_credit.sofr_effr_pp", "SOFR less fed funds", "pp", 2),
                        form=".2f",
                    ),
                    rate("VIX", Column("rates_and_credit.vix", "VIX", "index points", 2), form=".0f"),
                ],
                small=True,
            ),
        ],
    )


def cash_flows(reader: Reader) -> Figure:
    columns = (
        Column("treasury_cash.record_date", "Statement of"),
        Column("treasury_cash.deposits_bn", "Deposits", "bn USD"),
        Column("treasury_cash.withdrawals_bn", "Withdrawals", "bn USD"),
    )
    rows = reader.rows(
        columns,
        "from treasury_cash where record_date > $as_of - interval 3 month and deposits_bn is not null "
        "order by record_date desc",
    )
    return Figure(
        id="cash-flows",
        title="Deposits and withdrawals a day",
        note="Totals of the Daily Treasury Statement, debt included, over three months.",
        columns=columns,
        rows=rows,
        source=reader.source("deposits_withdrawals", "operating_cash_balance"),
        chart=charts.flows("record_date", "deposits_bn", "withdrawals_bn", "bn USD"),
    )


def ahead(reader: Reader) -> Figure:
    columns = (
        Column("settlements_ahead.issue_date", "Settles"),
        Column("settlements_ahead.net_new_cash_bn", "Net new cash", "bn USD", sign=True),
        Column("settlements_ahead.gross_bill_bn", "Bills", "bn USD"),
        Column("settlements_ahead.gross_coupon_bn", "Coupons", "bn USD"),
        Column("settlements_ahead.maturing_bn", "Maturing", "bn USD"),
        Column("settlements_ahead.status", "Status"),
    )
    return Figure(
        id="settlements-ahead",
        title="Settlements of the next 30 days",
        note="As known that evening. Above zero the settlement takes cash out of the markets.",
        columns=columns,
        rows=reader.rows(columns, "from settlements_ahead where date = $as_of order by issue_date"),
        source=reader.source("auctions", "upcoming_auctions"),
    )


def settled(reader: Reader) -> Figure:
    columns = (
        Column("treasury_settlements.issue_date", "Settles"),
        Column("treasury_settlements.net_new_cash_bn", "Net new cash", "bn USD", sign=True),
        Column("treasury_settlements.status", "Status"),
    )
    return Figure(
        id="settlements",
        title="Net new cash by settlement",
        note="The last six months and what is known ahead. Filled: settled. Hollow: still to settle. Above zero it is "
        "a drain.",
        columns=columns,
        rows=reader.rows(
            columns,
            "from treasury_settlements where issue_date > $as_of - interval 6 month and net_new_cash_bn is not null "
            "order by issue_date desc",
        ),
        source=reader.source("auctions", "upcoming_auctions"),
        chart=charts.settlements(),
    )
