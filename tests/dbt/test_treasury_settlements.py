"""Treasury settlements and what was known of them ahead, by hand and against a recount in plain Python."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import small_warehouse
from dbt_runs import PASSED, dbt

pytestmark = pytest.mark.slow

AS_OF = date(2026, 1, 30)
BN = 1_000_000_000
ALL = ("+treasury_settlements", "+settlements_ahead", "--indirect-selection", "cautious")
AUCTION = [
    *("cusip", "security_type", "announcemt_date", "auction_date", "issue_date"),
    *("offering_amt", "total_accepted", "soma_accepted", "est_pub_held_mat_by_type_amt"),
]
LISTED = [
    *("record_date", "security_type", "security_term", "cusip", "announcemt_date", "auction_date", "issue_date"),
    "offering_amt",
]


def dollars(value: float | None) -> float | None:
    return None if value is None else float(round(value * BN))


def auction_rows() -> pd.DataFrame:
    """Amounts in billions: offered, accepted, of it to the Federal Reserve, maturing by type."""
    rows = [
        # the first auction of NOTE10, which is reopened below
        ("NOTE10", "Note", "2025-12-04", "2025-12-10", "2025-12-15", 42, 45, 3, 100),
        # a mid-month Thursday: bills, one of them for cash management, and coupons
        ("BILL13", "Bill", "2026-01-08", "2026-01-12", "2026-01-15", 86, 88.5, 2.25, 150),
        ("BILL26", "Bill", "2026-01-08", "2026-01-12", "2026-01-15", 77, 79.5, 2.5, 150),
        ("CMB1", "Bill", "2026-01-13", "2026-01-14", "2026-01-15", 20, 20, 0, 0),
        ("NOTE3", "Note", "2026-01-08", "2026-01-12", "2026-01-15", 58, 74, 16, 110),
        ("NOTE10", "Note", "2026-01-08", "2026-01-12", "2026-01-15", 39, 50, 11, 110),
        ("BOND30", "Bond", "2026-01-08", "2026-01-13", "2026-01-15", 22, 28, 6, 110),
        # neither add-on nor maturing amount sent
        ("BILL4", "Bill", "2026-01-13", "2026-01-15", "2026-01-20", 95, 95.3, None, None),
        # put off by a day: the row of the first date stays without a result
        ("PUTOFF", "Bill", "2026-01-15", "2026-01-20", "2026-01-22", 50, None, None, 40),
        ("PUTOFF", "Bill", "2026-01-15", "2026-01-21", "2026-01-22", 50, 51, 1, 40),
        ("TIPS10", "Note", "2026-01-15", "2026-01-22", "2026-01-30", 21, 21, 0, 5),
        # the month's end
        ("BOND20", "Bond", "2026-01-15", "2026-01-21", "2026-02-02", 13, 14, 1, 170),
        ("NOTE2", "Note", "2026-01-22", "2026-01-26", "2026-02-02", 69, 73.75, 5, 170),
        ("NOTE7", "Note", "2026-01-22", "2026-01-29", "2026-02-02", 44, 47, 3, 170),
        ("BILL8", "Bill", "2026-01-27", "2026-01-29", "2026-02-03", 95, 95.25, 0.25, 190),
        # announced, and not yet held at the as-of, whatever the row says already
        ("NEXT13", "Bill", "2026-01-29", "2026-02-02", "2026-02-05", 89, 93, 4, 160),
    ]
    frame = pd.DataFrame(rows, columns=AUCTION)
    frame[AUCTION[5:]] = (frame[AUCTION[5:]] * BN).round()
    frame["security_term"] = frame["cusip"].map({"NEXT13": "13-Week"})
    # a bill that every evening's run fetches, one evening too late for its result
    by_day = frame[frame["cusip"] == "BILL8"].assign(
        cusip="BILL17", auction_date="2026-01-28", offering_amt=dollars(69)
    )
    seen = [
        by_day.assign(
            total_accepted=None, soma_accepted=None, known_at=small_warehouse.utc(date(2026, 1, 27), "11:00")
        ),
        by_day.assign(
            total_accepted=dollars(69.25),
            soma_accepted=dollars(0),
            known_at=small_warehouse.utc(date(2026, 1, 29), "18:00"),
        ),
    ]
    # a settlement that a later run finds moved
    by_rule = small_warehouse.utc(date(2026, 1, 20), "11:00")
    moved = frame[frame["cusip"] == "TIPS10"].assign(cusip="MOVED", announcemt_date="2026-01-20")
    seen += [
        moved.assign(issue_date="2026-01-27", known_at=by_rule),
        moved.assign(issue_date="2026-01-28", known_at=small_warehouse.utc(date(2026, 1, 23), "18:00")),
    ]
    # a bill that is held aside, the evening after it was announced
    held = frame[frame["cusip"] == "NEXT13"].assign(cusip="HELD", security_term="52-Week", issue_date="2026-02-04")
    nothing = dict.fromkeys(["security_type", "security_term", "announcemt_date", "issue_date", *AUCTION[5:]])
    seen += [
        held.assign(known_at=small_warehouse.utc(date(2026, 1, 28), "11:00")),
        held.assign(**nothing, known_at=small_warehouse.utc(date(2026, 1, 29), "18:00"), is_void=True),
    ]
    # rows without a time get theirs by the catalogue's rule
    calendar = small_warehouse.calendar_frame(date(2025, 11, 1), date(2026, 12, 31))
    return pd.concat([small_warehouse.rows_known("auctions", frame, calendar), *seen], ignore_index=True).assign(
        fetched_at=lambda rows: rows["known_at"], is_void=lambda rows: rows["is_void"].eq(True)
    )


def listed_rows() -> pd.DataFrame:
    rows = [
        # announced the day after, and from then on in the auctions: not to be counted twice
        ("2026-01-28", "Bill", "13-Week", None, "2026-01-29", "2026-02-02", "2026-02-05", None),
        ("2026-01-28", "Note", "3-Year", None, "2026-02-04", "2026-02-10", "2026-02-17", None),
        ("2026-01-30", "Bill", "13-Week", None, "2026-01-29", "2026-02-02", "2026-02-05", 89),
        ("2026-01-30", "Bill", "6-Week", None, "2026-01-29", "2026-02-03", "2026-02-05", None),
        ("2026-01-30", "CMB", "3-Day", "CMB2", "2026-01-30", "2026-02-03", "2026-02-06", 50),
        ("2026-01-30", "Note", "3-Year", None, "2026-02-04", "2026-02-10", "2026-02-17", None),
    ]
    frame = pd.DataFrame(rows, columns=LISTED).assign(offering_amt=[dollars(row[-1]) for row in rows])
    # held aside: a row of a list from the next evening on, and a whole list from its first moment on
    row = frame[frame["cusip"] == "CMB2"].assign(cusip="HELD", record_date="2026-01-28", issue_date="2026-02-10")
    whole = frame[frame["record_date"] == "2026-01-28"].assign(record_date="2026-01-29", cusip="HELD")
    nothing = dict.fromkeys(["announcemt_date", "issue_date", "offering_amt"])
    came = {day: small_warehouse.utc(date(2026, 1, day), "12:00") for day in (28, 29)}
    evening = small_warehouse.utc(date(2026, 1, 29), "18:00")
    calendar = small_warehouse.calendar_frame(date(2025, 11, 1), date(2026, 12, 31))
    return pd.concat(
        [
            small_warehouse.rows_known("upcoming_auctions", frame, calendar),
            row.assign(known_at=came[28], fetched_at=came[28]),
            row.assign(**nothing, known_at=evening, fetched_at=evening, is_void=True),
            whole.assign(known_at=came[29], fetched_at=came[29]),
            whole.assign(**nothing, known_at=came[29], fetched_at=evening, is_void=True),
        ],
        ignore_index=True,
    ).assign(is_void=lambda rows: rows["is_void"].eq(True))


def statement_rows() -> pd.DataFrame:
    rows = [
        ("Issues", "Marketable", "Bills", 190_100),
        ("Issues", "Marketable", "Notes", 152_000),
        ("Issues", "Nonmarketable", "Government Account Series", 95_000),
        ("Redemptions", "Marketable", "Bills", 150_250),
        ("Redemptions", "Marketable", "Notes", 131_000),
        ("Issues", None, "Total Issues", 437_100),
    ]
    frame = pd.DataFrame(
        rows, columns=["transaction_type", "security_market", "security_type", "transaction_today_amt"]
    )
    return frame.assign(record_date="2026-01-15", security_type_desc=None, src_line_nbr=1)


def built(
    folder: Path, as_of: date, raw: dict[str, pd.DataFrame], *select: str, first: date
) -> dict[str, pd.DataFrame]:
    warehouse = folder / f"{as_of}.duckdb"
    small_warehouse.build(warehouse, as_of, raw, first=first)
    result = dbt(folder, warehouse, "build", "--select", *select)
    assert result.exception is None, result.exception
    failed = [f"{r.node.name}: {r.status} {r.message}" for r in result.result if r.status not in PASSED]
    assert not failed, failed
    with duckdb.connect(str(warehouse)) as connection:
        names = ("treasury_settlements", "settlements_ahead")
        return {name: connection.execute(f"from analysis.{name}").df() for name in names}


@pytest.fixture(scope="module")
def raw() -> dict[str, pd.DataFrame]:
    return {
        "auctions": auction_rows(),
        "upcoming_auctions": listed_rows(),
        "public_debt_transactions": statement_rows(),
    }


@pytest.fixture(scope="module")
def tables(tmp_path_factory, raw) -> dict[str, pd.DataFrame]:
    return built(tmp_path_factory.mktemp("settlements"), AS_OF, raw, *ALL, first=date(2025, 11, 1))


def settlement(tables, day: str) -> dict:
    frame = tables["treasury_settlements"]
    (row,) = frame[frame["issue_date"] == day].to_dict("records")
    return {name: None if pd.isna(value) else value for name, value in row.items()}


def ahead(tables, day: str) -> dict[str, tuple]:
    """Of one settlement, by session: status, gross bills and coupons, maturing, net, securities."""
    frame = tables["settlements_ahead"]
    columns = ["status", "gross_bill_bn", "gross_coupon_bn", "maturing_bn", "net_new_cash_bn", "securities"]
    return {
        f"{row['date']:%m-%d}": tuple(None if pd.isna(row[name]) else row[name] for name in columns)
        for row in frame[frame["issue_date"] == day].to_dict("records")
    }


def test_a_settled_day_is_what_the_public_paid_less_what_it_got_back(tables):
    row = settlement(tables, "2026-01-15")
    assert row["gross_bill_bn"] == 86.25 + 77 + 20
    assert row["gross_coupon_bn"] == 58 + 39 + 22
    # the maximum of the bills and the maximum of the coupons
    assert (row["maturing_bill_bn"], row["maturing_coupon_bn"], row["maturing_bn"]) == (150, 110, 260)
    assert row["net_new_cash_bn"] == 302.25 - 260
    assert (row["status"], row["securities"]) == ("settled", 6)
    assert (row["offered_bn"], row["soma_bn"]) == (302, 37.75)
    # the announcement of the 8th, the results of the 14th
    assert row["first_known_at"] == small_warehouse.utc(date(2026, 1, 8), "11:00")
    assert row["known_at"] == small_warehouse.utc(date(2026, 1, 14), "18:00")
    assert (row["issued_actual_bn"], row["redeemed_actual_bn"]) == (342.1, 281.25)


def test_a_reopening_settles_on_its_own_day(tables):
    first = settlement(tables, "2025-12-15")
    assert (first["gross_coupon_bn"], first["gross_bill_bn"], first["securities"]) == (42, 0, 1)
    assert first["issued_actual_bn"] is None


def test_what_is_not_sent_is_not_zero(tables):
    row = settlement(tables, "2026-01-20")
    assert (row["gross_bill_bn"], row["status"]) == (95, "settled")
    assert row["maturing_bn"] is row["net_new_cash_bn"] is row["soma_bn"] is None
    assert row["coupon_share_4w_pct"] == pytest.approx(100 * 119 / (302.25 + 95))
    assert row["net_bill_supply_4w_bn"] is None  # what matures on this day is not known


def test_four_weeks_need_four_weeks_before(tables):
    row = settlement(tables, "2026-01-15")
    assert row["coupon_share_4w_pct"] == pytest.approx(100 * 119 / 302.25)  # December's note is 31 days back
    assert row["net_bill_supply_4w_bn"] == 183.25 - 150
    assert settlement(tables, "2025-12-15")["coupon_share_4w_pct"] is None
    assert settlement(tables, "2026-02-17")["coupon_share_4w_pct"] is None  # tentative


def test_an_auction_that_was_put_off_counts_once(tables):
    row = settlement(tables, "2026-01-22")
    assert (row["securities"], row["gross_bill_bn"], row["status"]) == (1, 50, "settled")
    assert ahead(tables, "2026-01-22")["01-20"] == ("announced", 50, 0, 40, 10, 1)


def test_a_settlement_that_was_moved_leaves_its_day(tables):
    assert set(ahead(tables, "2026-01-27")) == {"01-20", "01-21", "01-22"}
    assert set(ahead(tables, "2026-01-28")) == {"01-23", "01-26", "01-27"}
    assert pd.Timestamp("2026-01-27") not in set(tables["treasury_settlements"]["issue_date"])


def test_what_is_held_aside_is_gone_from_then_on_and_was_there_before(tables):
    known = {day: set(ahead(tables, f"2026-{day}")) for day in ("02-04", "02-10")}
    assert known == {"02-04": {"01-28"}, "02-10": {"01-28"}}
    # a list that is held aside as it comes leaves the one before in its place
    assert "01-29" in ahead(tables, "2026-02-17")
    assert not set(tables["treasury_settlements"]["issue_date"]) & {pd.Timestamp(2026, 2, 4), pd.Timestamp(2026, 2, 10)}


def test_the_status_at_the_as_of(tables):
    frame = tables["treasury_settlements"].set_index("issue_date")["status"]
    assert {f"{day:%m-%d}": status for day, status in frame["2026-01-30":].items()} == {
        "01-30": "settled",
        "02-02": "auctioned",
        "02-03": "auctioned",
        "02-05": "tentative",
        "02-06": "announced",
        "02-17": "tentative",
    }
    row = settlement(tables, "2026-02-05")
    assert (row["gross_bill_bn"], row["gross_coupon_bn"], row["securities"]) == (None, 0, 2)
    assert row["maturing_bn"] == 160 and row["net_new_cash_bn"] is None
    row = settlement(tables, "2026-02-06")  # a bill that the list alone has, with its amount
    assert (row["gross_bill_bn"], row["maturing_bn"], row["net_new_cash_bn"]) == (50, None, None)


def test_ahead_a_settlement_fills_as_it_is_announced_and_auctioned(tables):
    known = ahead(tables, "2026-02-02")
    assert list(known) == [
        *("01-15", "01-16", "01-20", "01-21", "01-22", "01-23", "01-26", "01-27", "01-28", "01-29", "01-30")
    ]
    assert known["01-15"] == known["01-20"] == ("tentative", 0, 13, 170, None, 1)
    assert known["01-22"] == ("tentative", 0, 13 + 69 + 44, 170, None, 3)
    # seven days ahead all is announced; the two-year note has its result
    assert known["01-26"] == known["01-28"] == ("announced", 0, 13 + 68.75 + 44, 170, 125.75 - 170, 3)
    assert known["01-29"] == known["01-30"] == ("auctioned", 0, 125.75, 170, -44.25, 3)


def test_ahead_a_first_result_counts_from_the_evening_of_its_auction_though_a_later_run_brought_it(tables):
    known = ahead(tables, "2026-02-03")
    assert known["01-27"] == ("announced", 95 + 69, 0, 190, -26, 2)
    assert known["01-28"] == ("announced", 95 + 69.25, 0, 190, -25.75, 2)
    assert known["01-29"] == ("auctioned", 95 + 69.25, 0, 190, -25.75, 2)


def test_ahead_the_list_has_what_is_not_announced(tables):
    known = ahead(tables, "2026-02-05")
    assert known["01-28"] == ("tentative", None, 0, None, None, 1)
    assert known["01-29"] == ("announced", 89, 0, 160, -71, 1)  # the list of the 28th is still the latest
    assert known["01-30"] == ("tentative", None, 0, 160, None, 2)
    assert set(ahead(tables, "2026-02-17")) == {"01-28", "01-29", "01-30"}


def test_later_rows_change_no_earlier_session(tmp_path, tables, raw):
    wednesday = date(2026, 1, 28)
    before = built(tmp_path, wednesday, raw, *ALL, first=date(2025, 11, 1))["settlements_ahead"]
    full = tables["settlements_ahead"]
    pd.testing.assert_frame_equal(before, full[full["date"] <= pd.Timestamp(wednesday)].reset_index(drop=True))
    assert before["date"].max() == pd.Timestamp(wednesday)


def test_of_an_auction_without_its_dates_nobody_says_where_it_settles(tmp_path, tables, raw):
    undated = raw["auctions"][raw["auctions"]["cusip"] == "BILL13"].assign(cusip="UNDATED", issue_date=None)
    spoilt = raw | {"auctions": pd.concat([raw["auctions"], undated], ignore_index=True)}
    frame = built(tmp_path, AS_OF, spoilt, *ALL, first=date(2025, 11, 1))["treasury_settlements"]
    known = frame.set_index("issue_date")["gross_bill_bn"]
    may_be = known["2026-01-12":"2026-02-02"]
    assert len(may_be) > 3 and may_be.isna().all()
    sound = tables["treasury_settlements"].set_index("issue_date")
    assert known.drop(may_be.index).equals(sound["gross_bill_bn"].drop(may_be.index))
    assert frame.set_index("issue_date")["gross_coupon_bn"].equals(sound["gross_coupon_bn"])


# -- real auctions


def auctions_since(real_data: Path, first: str) -> pd.DataFrame:
    """The file has neither announcements nor maturing amounts nor add-ons: these are invented, before 2025-07 on even
    days alone, so that both ways are walked."""
    frame = pd.read_parquet(real_data / "treasury_auctions.parquet")
    for name in ("auction_date", "issue_date"):
        frame[name] = pd.to_datetime(frame[name])
    frame = frame[frame["auction_date"] >= first].reset_index(drop=True)
    frame["announced"] = frame["auction_date"] - pd.Timedelta(days=3)
    given = (frame["issue_date"].dt.day % 2 == 0) | (frame["issue_date"] >= "2025-07-01")
    frame["maturing"] = (frame["issue_date"].dt.day_of_year * BN + frame.index * 1000).where(given)
    frame["soma"] = (frame["total_accepted"] - frame["offering_amt"]).clip(lower=0).where(given)
    return frame


@pytest.fixture(scope="module")
def real_auctions(real_data) -> pd.DataFrame:
    return auctions_since(real_data, "2024-01-01")


@pytest.fixture(scope="module")
def by_day(real_auctions) -> dict[pd.Timestamp, list]:
    return {day: list(rows.itertuples()) for day, rows in real_auctions.groupby("issue_date")}


@pytest.fixture(scope="module")
def real_tables(tmp_path_factory, real_auctions) -> dict[str, pd.DataFrame]:
    named = {"soma": "soma_accepted", "maturing": "est_pub_held_mat_by_type_amt", "announced": "announcemt_date"}
    rows = real_auctions.rename(columns=named)
    folder = tmp_path_factory.mktemp("real")
    return built(folder, AS_OF, {"auctions": rows}, *ALL, first=date(2023, 12, 1))


def recounted(auctions: list, evening: pd.Timestamp) -> tuple | None:
    """A settlement as known on an evening, of all its auctions: status, gross bills and coupons, maturing, net."""
    known = [row for row in auctions if row.announced <= evening]
    if not known:
        return None
    gross, maturing = [Decimal(0), Decimal(0)], [Decimal(0), Decimal(0)]
    for kind in (0, 1):
        rows = [row for row in known if (row.security_type == "Bill") == (kind == 0)]
        for row in rows:
            held = row.auction_date <= evening
            public = row.total_accepted - row.soma if held and not pd.isna(row.soma) else row.offering_amt
            gross[kind] += Decimal(int(public))
        stated = [int(row.maturing) for row in rows if not pd.isna(row.maturing)]
        if rows:
            maturing[kind] = Decimal(max(stated)) if stated else None
    paid_back = None if None in maturing else sum(maturing)
    day = known[0].issue_date
    held = all(row.auction_date <= evening for row in known)
    status = ("settled" if day <= evening else "auctioned") if held else "announced"
    if (day - evening).days > 7:
        status = "tentative"
    net = None if paid_back is None or status == "tentative" else sum(gross) - paid_back
    return (status, *(None if amount is None else float(amount / BN) for amount in (*gross, paid_back, net)))


def same(frame_row, expected: tuple) -> bool:
    names = ("gross_bill_bn", "gross_coupon_bn", "maturing_bn", "net_new_cash_bn")
    values = [getattr(frame_row, name) for name in names]
    return frame_row.status == expected[0] and all(
        pd.isna(value) if wanted is None else value == wanted
        for value, wanted in zip(values, expected[1:], strict=True)
    )


def test_real_settlements_agree_with_a_recount(real_tables, by_day):
    frame = real_tables["treasury_settlements"]
    assert set(frame["issue_date"]) == set(by_day)
    evening = pd.Timestamp(AS_OF)
    wrong = [row for row in frame.itertuples() if not same(row, recounted(by_day[row.issue_date], evening))]
    assert not wrong
    assert frame["net_new_cash_bn"].notna().any() and frame["net_new_cash_bn"].isna().any()


def test_real_settlements_ahead_agree_with_a_recount(real_tables, by_day):
    frame = real_tables["settlements_ahead"]
    wrong = [row for row in frame.itertuples() if not same(row, recounted(by_day[row.issue_date], row.date))]
    assert not wrong
    expected = {
        (evening, day)
        for evening in frame["date"].unique()
        for day, auctions in by_day.items()
        if 0 < (day - evening).days <= 30 and recounted(auctions, evening) is not None
    }
    assert set(zip(frame["date"], frame["issue_date"], strict=True)) == expected
    assert set(frame["status"]) == {"announced", "auctioned", "tentative"}


def test_real_four_weeks_agree_with_pandas(real_tables):
    frame = real_tables["treasury_settlements"].set_index("issue_date")
    month = frame[["gross_bill_bn", "gross_coupon_bn"]].rolling("28D").sum()
    share = 100 * month["gross_coupon_bn"] / month.sum(axis=1)
    net = frame["gross_bill_bn"] - frame["maturing_bill_bn"]
    supply = net.rolling("28D").sum().where(net.isna().rolling("28D").sum() == 0)
    full = frame.index >= frame.index[0] + pd.Timedelta(days=27)
    pd.testing.assert_series_equal(frame["coupon_share_4w_pct"], share.where(full), check_names=False)
    pd.testing.assert_series_equal(frame["net_bill_supply_4w_bn"], supply.where(full), check_names=False)
    assert frame["coupon_share_4w_pct"].dropna().between(5, 40).all()
    assert supply.notna().any()


def test_real_settlements_without_one_auctions_dates_are_right_or_not_known(tmp_path, real_data):
    """Dates that contradict one another are on hold: what may depend on them is NULL, and all else as it was."""
    clean = auctions_since(real_data, "2022-01-01").assign(maturing=None)
    place = clean[(clean["security_term"] == "6-Week") & (clean["issue_date"] < "2025-11-01")].index[-1]
    issued, matured = clean.loc[place, ["issue_date", "maturity_date"]]
    held = clean.copy()
    held.loc[place, ["issue_date", "maturity_date", "offering_amt", "total_accepted", "soma"]] = None
    named = {"soma": "soma_accepted", "maturing": "est_pub_held_mat_by_type_amt", "announced": "announcemt_date"}
    for name in ("held", "clean"):
        (tmp_path / name).mkdir()
    frames = [
        built(tmp_path / name, AS_OF, {"auctions": rows.rename(columns=named)}, *ALL, first=date(2023, 12, 1))
        for name, rows in (("held", held), ("clean", clean))
    ]
    for name, key in (("treasury_settlements", ["issue_date"]), ("settlements_ahead", ["date", "issue_date"])):
        with_hold, without = (frame[name].set_index(key) for frame in frames)
        for column in ("gross_bill_bn", "maturing_bill_bn", "net_new_cash_bn", "net_bill_supply_4w_bn"):
            if column in with_hold:
                known = with_hold[[column]].dropna().join(without[column].rename("sound"))
                assert (known[column] == known["sound"]).all(), (name, column)
    settlements = frames[0]["treasury_settlements"].set_index("issue_date")
    assert pd.isna(settlements.loc[issued, "gross_bill_bn"])
    sound = frames[1]["treasury_settlements"].set_index("issue_date")["maturing_bill_bn"]
    assert pd.isna(settlements.loc[pd.Timestamp(matured), "maturing_bill_bn"]) and sound[pd.Timestamp(matured)] > 0
    assert settlements["maturing_bill_bn"].isna().sum() - sound.isna().sum() < 30  # around its term alone
