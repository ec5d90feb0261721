"""Checks on incoming observations, as data: what each looks at, and whom it puts on hold.

Belongs here: the checks. Does not belong here: running them, holding and restoring (screening), and the rules of what
we make of the observations (tables/).

A check selects the observations that fail. What fails is held: NULL downstream until it passes, is corrected or is
accepted. Of a cross-check the official or the primary source stands and the other one is held; where nobody can tell,
both. Checks are applied in their order, each to what those before it left: those on single observations first, so that
one wrong number is told once and nothing sound is held for it.

Places in the SQL that the screening fills in:
    {prices}, {fred_observations}, ...  the dataset's columns, typed, one row an observation: the version that stands;
                                        of FRED one row a series and date. Of bars there may be but those that are
                                        new or on hold, with the year before them.
    {calendar}, {instruments}, {series} tables of the schema ref
    {as_of}                             the as-of date, a DATE literal

No constant here is fitted to the data at hand; each has its reason beside it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One check of a dataset; `failing` selects key columns, value and other_value of the observations to hold."""

    name: str
    dataset: str
    description: str
    fault: str
    failing: str
    columns: tuple[str, ...] = ()
    """The cells that are held; none: the whole row."""
    told_by: tuple[str, ...] = ()
    """The columns of the key by which what belongs together is told, and accepted, as one; none: the whole key."""


# Vendors round prices to a few digits, so that a close can lie above a high by the last digit.
_ROUNDING = 1e-6

# What doubles are off by when two numbers of a few decimals are subtracted.
_ARITHMETIC = 1e-9

# Over a longer gap a move says nothing of an error: two weeks are one weekly observation left out.
_GAP_DAYS = 15

# A share index fell by a log return of .23 on its worst day, 1987-10-19, before trading was halted at losses of 20 %:
# .5 is 39 % down or 65 % up, and less than the .69 of the smallest usual split.
_FUND_STEP = 0.5

# Implied volatility, in percent a year: the lowest close of ^VIX was 9.1, the highest 82.7. It has more than doubled on
# one day, 2018-02-05 (.77), and not yet grown by e.
_VOLATILITY, _VOLATILITY_RANGE, _VOLATILITY_STEP = "('^VIX', '^VIX3M')", "5 and 150", 1

# Of so many symbols not all trade twenty times as much, or close where they did, on one day; and units differ by
# a hundred (lots) or a thousand.
_MANY, _UNIT = 20, 20
_ENOUGH, _UNCHANGED = 50, 0.3

# The statement is written in millions of dollars. Its opening balance is a copy of the closing one: less than one
# million apart is the same number. A balance that flows lead to may be one million off, by their roundings.
_SAME, _ROUNDED = 0.5, 1
# Flows that a copy adds up from lines, each rounded to the million, are off by half a million a line at most; a
# statement has about a hundred lines.
_SUMMED = 50
# Since this day the Treasury's statements and the Fed's weekly means have been compared all through.
_VERIFIED_STATEMENTS = "DATE '2016-01-04'"

# Bounds of the balance, $ mn: it was 1.8 trillion at most (July 2020), and moves by 450 billion on a tax day.
_BALANCE, _BALANCE_STEP = 3_000_000, 600_000

# One auction, dollars; the largest bill was of about 100 billion.
_AUCTION = 1e12


def _steps(observations: str) -> str:
    """SQL, to be followed by a query: `unsound` holds what lies too far from the last sound observation of its subject.

    `observations` selects subject, date, number, reach. Two neighbours may be apart by the sum of their reaches. What
    is not sound says nothing of the next: a spike is alone, and a shift lasts until it goes back or is accepted.
    """
    return f"""
        with recursive observed as materialized (
            select *, lag(number) over in_order as sound, lag(reach) over in_order as sound_reach,
                lag(date) over in_order as sound_date
            from ({observations}) window in_order as (partition by subject order by date)
        ),
        breaks as materialized (
            select subject, date, sound, sound_reach from observed
            where abs(number - sound) > reach + sound_reach and date - sound_date <= {_GAP_DAYS}
        ),
        spans as materialized (
            select b.subject, b.date as first_date, any_value(b.sound) as sound,
                coalesce(min(o.date), DATE '9999-12-31') as until_date
            from breaks as b left join observed as o on o.subject = b.subject and o.date > b.date
                and abs(o.number - b.sound) <= o.reach + b.sound_reach
            group by b.subject, b.date
        ),
        episodes as (
            select subject, min(first_date) as first_date, arg_min(sound, first_date) as sound,
                arg_min(until_date, first_date) as until_date
            from spans group by subject
            union all
            select s.subject, min(s.first_date), arg_min(s.sound, s.first_date), arg_min(s.until_date, s.first_date)
            from episodes as e inner join spans as s on s.subject = e.subject and s.first_date > e.until_date
            group by s.subject
        ),
        unsound as (
            select o.subject, o.date, o.number, e.sound from episodes as e
            inner join observed as o on o.subject = e.subject and o.date >= e.first_date and o.date < e.until_date
        )
    """


# --- prices: daily bars, in the vendor's numbers -----------------------------------------------------------------

# Each bar is told by the first of these that it breaks.
_NOT_FINITE = "(not isfinite(high) or not isfinite(low) or not isfinite(close))"
_BELOW_ZERO = "(high <= 0 or low <= 0 or close <= 0)"
_REVERSED = f"(high < low * (1 - {_ROUNDING}))"
_OUTSIDE = f"(close > high * (1 + {_ROUNDING}) or close < low * (1 - {_ROUNDING}))"

# A share, a fund, or an index of shares: they trade, or are made of what trades, on the exchange's sessions alone.
_KIND = "left join {instruments} as i on i.symbol = p.symbol"
_OF_THE_EXCHANGE = "(i.symbol is null or i.kind = 'etf' or (i.kind = 'index' and i.asset_class = 'equity'))"
# ... of which volumes are counted in shares.
_SHARE = "(i.symbol is null or i.kind = 'etf')"

_BARS_IN_PAIRS = """
    {prices} as p
    inner join {calendar} as c on c.date = p.date and c.is_xnys_session
    inner join {prices} as q on q.symbol = p.symbol and q.date = c.previous_xnys_session
"""
# A single trade of a round lot does repeat itself; a range and a volume do not, where a vendor counts volumes.
_REPEATED = (
    "(p.high > p.low and p.volume > 0 and p.volume = q.volume and p.close = q.close and p.open = q.open "
    "and p.high = q.high and p.low = q.low)"
)


def _bar(name: str, condition: str, description: str, value: str, other: str, columns: tuple[str, ...] = ()) -> Check:
    """A check of one bar by itself."""
    failing = f"select symbol, date, {value} as value, {other} as other_value from {{prices}} where {condition}"
    fault = f"the bar's {', '.join(columns)}" if columns else "the bar"
    return Check(name, "prices", description, fault, failing, columns)


def _prices() -> tuple[Check, ...]:
    def funds(price: str) -> str:
        return f"""
            select p.symbol as subject, p.date, ln({price}) as number, {_FUND_STEP / 2} as reach
            from {{prices}} as p inner join {{instruments}} as i on i.symbol = p.symbol
            where (i.kind = 'etf' or (i.kind = 'index' and i.asset_class = 'equity'))
                and {price} > 0 and isfinite({price})
        """

    volatility = f"""
        select p.symbol as subject, p.date, ln(p.close) as number, {_VOLATILITY_STEP / 2} as reach
        from {{prices}} as p where p.symbol in {_VOLATILITY} and p.close between {_VOLATILITY_RANGE}
    """
    stepped = "select subject as symbol, date, exp(number) as value, exp(sound) as other_value from unsound"
    # The fund's close and the index's may be of other minutes of the session: each may be off by the session's range.
    pair = """
        select 'IWM' as subject, f.date, ln(f.close / x.close) as number,
            greatest(
                case when f.low > 0 and f.high > f.low then ln(f.high / f.low) end,
                case when x.low > 0 and x.high > x.low then ln(x.high / x.low) end, 0.0025
            ) as reach
        from {prices} as f inner join {prices} as x on x.date = f.date
        where f.symbol = 'IWM' and x.symbol = '^RUT' and f.close > 0 and x.close > 0
    """
    return (
        _bar(
            "finite",
            _NOT_FINITE,
            "high, low and close are numbers, neither NaN nor infinite",
            "close",
            "null::double",
        ),
        _bar(
            "price_above_zero",
            f"{_BELOW_ZERO} and {_NOT_FINITE} is not true",
            "high, low and close are above zero",
            "least(high, low, close)",
            "close",
        ),
        _bar(
            "high_not_below_low",
            f"{_REVERSED} and ({_NOT_FINITE} or {_BELOW_ZERO}) is not true",
            "no bar has its high below its low",
            "high",
            "low",
        ),
        _bar(
            "close_within_bar",
            f"{_OUTSIDE} and ({_NOT_FINITE} or {_BELOW_ZERO} or {_REVERSED}) is not true",
            "the close lies between low and high",
            "close",
            f"case when close > high * (1 + {_ROUNDING}) then high else low end",
        ),
        _bar("close_known", "close is null", "every bar has a close", "null::double", "null::double"),
        _bar(
            "open_above_zero",
            "(open <= 0 or not isfinite(open))",
            "the open is a number above zero",
            "open",
            "null::double",
            ("open",),
        ),
        _bar(
            "adj_close_above_zero",
            "(adj_close <= 0 or not isfinite(adj_close))",
            "the adjusted close is a number above zero",
            "adj_close",
            "close",
            ("adj_close",),
        ),
        _bar(
            "volume_not_negative",
            "(volume < 0 or not isfinite(volume))",
            "the volume is a number, and not negative",
            "volume",
            "null::double",
            ("volume",),
        ),
        _bar(
            "dividend_not_negative",
            "(dividend < 0 or not isfinite(dividend))",
            "the dividend is a number, and not negative",
            "dividend",
            "null::double",
            ("dividend",),
        ),
        Check(
            "on_session",
            "prices",
            "the bar of a share, a fund or a share index is of a session of the exchange (XNYS)",
            "the bar",
            f"""
            select p.symbol, p.date, p.close as value, null::double as other_value
            from {{prices}} as p inner join {{calendar}} as c on c.date = p.date and not c.is_xnys_session {_KIND}
            where {_OF_THE_EXCHANGE}
            """,
        ),
        Check(
            "bar_not_repeated",
            "prices",
            "a bar with a range and a volume has not all prices and the volume of the session before; of symbols whose "
            "volume is another one on most sessions",
            "the later bar",
            f"""
            with repeated as (
                select p.symbol, p.date, p.close as value, p.volume as other_value from {_BARS_IN_PAIRS}
                where {_REPEATED}
            )
            select * from repeated where symbol in (
                select symbol from {{prices}} where symbol in (select symbol from repeated)
                group by symbol having count(distinct volume) > count(*) / 2
            )
            """,
        ),
        Check(
            "closes_not_repeated",
            "prices",
            f"on no session more than {100 * _UNCHANGED:.0f} % of at least {_ENOUGH} shares and funds close exactly "
            "where they did on the session before",
            "the bars that do",
            f"""
            with same as (
                select p.symbol, p.date, p.close as value, q.close as other_value
                from {_BARS_IN_PAIRS} and q.close = p.close {_KIND}
                where {_SHARE}
            ),
            bars as (
                select p.date, count(*) as bars from {{prices}} as p {_KIND}
                where p.close > 0 and {_SHARE} group by p.date
            ),
            repeated as (
                select s.date from same as s inner join bars as b on b.date = s.date
                group by s.date, b.bars having b.bars >= {_ENOUGH} and count(*) > {_UNCHANGED} * b.bars
            )
            select symbol, date, value, other_value from same
            where date in (select date from repeated)
            """,
            told_by=("date",),
        ),
        Check(
            "volume_in_its_unit",
            "prices",
            f"the volumes of {_MANY} shares and funds or more do not all change by a factor of {_UNIT} from one "
            "session to the next",
            "the volumes of the session, and of those after it until they are back in their unit",
            f"""
            with changes as (
                select p.date, median(ln(p.volume / q.volume)) as change from {_BARS_IN_PAIRS} {_KIND}
                where p.volume > 0 and q.volume > 0 and {_SHARE}
                group by p.date having count(*) >= {_MANY}
            ),
            units as (
                select date,
                    sum(case when abs(change) > ln({_UNIT}) then change else 0 end) over (order by date) as unit
                from changes
            )
            select p.symbol, p.date, p.volume as value, exp(u.unit) as other_value
            from {{prices}} as p inner join units as u on u.date = p.date {_KIND}
            where abs(u.unit) > ln({_UNIT}) and p.volume > 0 and {_SHARE}
            """,
            ("volume",),
            told_by=("date",),
        ),
        Check(
            "fund_step",
            "prices",
            f"the close of a fund or a share index lies within a log return of {_FUND_STEP} of its last sound close",
            "the bar, and those after it until they are back or accepted",
            _steps(funds("close")) + stepped,
        ),
        Check(
            "fund_adj_step",
            "prices",
            f"the adjusted close of a fund or a share index lies within a log return of {_FUND_STEP} of its last sound "
            "one",
            "the bar's adj_close, and those after it until they are back or accepted",
            _steps(funds("adj_close")) + stepped,
            ("adj_close",),
        ),
        _bar(
            "volatility_in_range",
            f"symbol in {_VOLATILITY} and close not between {_VOLATILITY_RANGE}",
            f"^VIX and ^VIX3M are between {_VOLATILITY_RANGE}",
            "close",
            "null::double",
        ),
        Check(
            "volatility_step",
            "prices",
            f"^VIX and ^VIX3M close within a log change of {_VOLATILITY_STEP} of their last sound close",
            "the bar, and those after it until they are back or accepted",
            _steps(volatility) + stepped,
        ),
        Check(
            "vix_closes_where_fred_reports_it",
            "prices",
            "^VIX closes where VIXCLS does, to two hundredths; on an early close, for which sources print other "
            "minutes, VIXCLS lies in the bar",
            "the bar of ^VIX; VIXCLS stands",
            f"""
            select p.symbol, p.date, p.close as value, f.value as other_value
            from {{prices}} as p
            inner join {{fred_observations}} as f on f.series_id = 'VIXCLS' and f.date = p.date
            inner join {{calendar}} as c on c.date = p.date
            where p.symbol = '^VIX' and abs(p.close - f.value) > 0.02 + {_ARITHMETIC}
                and not (c.is_early_close and f.value between p.low - 0.02 and p.high + 0.02)
            """,
        ),
        Check(
            "iwm_moves_with_the_russell_2000",
            "prices",
            "IWM moves with ^RUT, to the ranges of the two sessions compared and a quarter of a percent each at least",
            "both bars: nobody can tell which",
            _steps(pair)
            + """
            select p.symbol, p.date, p.close as value, p.close * exp(case p.symbol when 'IWM' then u.sound - u.number
                else u.number - u.sound end) as other_value
            from unsound as u inner join {prices} as p on p.date = u.date and p.symbol in ('IWM', '^RUT')
            """,
        ),
    )


# --- FRED --------------------------------------------------------------------------------------------------------


def _difference(name: str, spread: str, long: str, short: str) -> Check:
    # each of the three is rounded to a hundredth, and may be off by half of one
    return Check(
        name,
        "fred_observations",
        f"{spread} is {long} - {short}, to the roundings of the three (.015)",
        f"{spread}; its legs stand",
        f"""
        select s.series_id, s.date, s.realtime_start, s.value, l.value - r.value as other_value
        from {{fred_observations}} as s
        inner join {{fred_observations}} as l on l.series_id = '{long}' and l.date = s.date
        inner join {{fred_observations}} as r on r.series_id = '{short}' and r.date = s.date
        where s.series_id = '{spread}' and abs(s.value - (l.value - r.value)) > 0.015 + {_ARITHMETIC}
        """,
    )


def _fred() -> tuple[Check, ...]:
    outside = "(not isfinite(o.value) or o.value < s.range_low or o.value > s.range_high)"
    steps = f"""
        select o.series_id as subject, o.date, o.value as number, s.largest_step / 2 as reach
        from {{fred_observations}} as o inner join {{series}} as s on s.series_id = o.series_id
        where s.largest_step is not null and o.value is not null and {outside} is not true
    """
    return (
        Check(
            "in_range",
            "fred_observations",
            "the value is a number within the range of its series (catalog.yml)",
            "the observation",
            f"""
            select o.series_id, o.date, o.realtime_start, o.value,
                (case when o.value < s.range_low then s.range_low else s.range_high end)::double as other_value
            from {{fred_observations}} as o inner join {{series}} as s on s.series_id = o.series_id
            where {outside}
            """,
        ),
        Check(
            "step",
            "fred_observations",
            "the value lies within the largest step of its series (catalog.yml) of the last sound one",
            "the observation, and those after it until they are back or accepted",
            _steps(steps)
            + """
            select o.series_id, o.date, o.realtime_start, o.value, u.sound as other_value
            from unsound as u inner join {fred_observations} as o on o.series_id = u.subject and o.date = u.date
            """,
        ),
        _difference("yield_curve_is_ten_years_less_two", "T10Y2Y", "DGS10", "DGS2"),
        _difference("yield_curve_is_ten_years_less_three_months", "T10Y3M", "DGS10", "DGS3MO"),
        Check(
            "treasury_cash_averages_what_the_fed_reports",
            "fred_observations",
            "WTREGEN is the mean of the week's closing balances, to the million; since 2016, and where all seven are "
            "known",
            "WTREGEN; the statements stand",
            f"""
            with {_STATEMENTS},
            -- a day without a statement has the number, and so the closing balance, of the business day before
            days as (
                select c.date, s.closing from {{calendar}} as c
                inner join statements as s on s.number = c.federal_number 
                    and not s.is_closing_contradicted and not s.is_closing_in_doubt
            )
            select o.series_id, o.date, o.realtime_start, o.value, avg(d.closing) as other_value
            from {{fred_observations}} as o inner join days as d on d.date > o.date - 7 and d.date <= o.date
            where o.series_id = 'WTREGEN' and o.date >= {_VERIFIED_STATEMENTS}
            group by all having count(d.closing) = 7
                and abs(o.value - avg(d.closing)) > {_ROUNDED} + {_ARITHMETIC}
            """,
        ),
    )


# --- the Daily Treasury Statement ----------------------------------------------------------------------------------

_OPENING = "Treasury General Account (TGA) Opening Balance"
_CLOSING = "Treasury General Account (TGA) Closing Balance"
_DEPOSITS = "Total TGA Deposits (Table II)"
_WITHDRAWALS = "Total TGA Withdrawals (Table II) (-)"
# Until April 2022 one row has both balances; since then each number has a row, and all stand in the opening column.
_BOTH = "('Federal Reserve Account', 'Treasury General Account (TGA)')"

_ROLE = f"""
    case when account_type in {_BOTH} then 'both' when account_type = '{_OPENING}' then 'opening'
        when account_type = '{_CLOSING}' then 'closing' when account_type = '{_DEPOSITS}' then 'deposits'
        when account_type = '{_WITHDRAWALS}' then 'withdrawals' end
"""

# One row a statement, and what is to be said against its balances. Of an opening balance that is not the closing one of
# the business day before, the side stands that its own flows support, and the other is contradicted; where nobody can
# tell, both are. A balance that no other statement confirms and that its flows miss by far is in doubt, as they are.
_STATEMENTS = f"""
    balances as (
        select record_date, federal_number as number,
            max(open_today_bal) filter (role in ('both', 'opening')) as opening,
            max(case role when 'both' then close_today_bal when 'closing' then open_today_bal end) as closing,
            max(open_today_bal) filter (role = 'deposits') as deposits,
            max(open_today_bal) filter (role = 'withdrawals') as withdrawals
        from (select *, {_ROLE} as role from {{operating_cash_balance}}) as o
        inner join {{calendar}} as c on c.date = o.record_date and c.is_federal_business_day
        where record_date >= {_VERIFIED_STATEMENTS}
        group by record_date, federal_number
    ),
    neighbours as (
        select *, abs(opening + deposits - withdrawals - closing) as residual,
            case when lag(number) over in_order = number - 1 then lag(closing) over in_order end as closing_before,
            case when lead(number) over in_order = number + 1 then lead(opening) over in_order end as opening_after
        from balances window in_order as (order by record_date)
    ),
    support as (
        select *, coalesce(abs(opening - closing_before) > {_SAME}, false) as opens_elsewhere,
            coalesce(abs(closing - opening_after) > {_SAME}, false) as closes_elsewhere,
            coalesce(residual < abs(opening - closing_before) / 2, false) as is_opening_supported,
            coalesce(residual < abs(closing - opening_after) / 2, false) as is_closing_supported
        from neighbours
    ),
    contradictions as (
        select *,
            opens_elsewhere and (not is_opening_supported or lag(is_closing_supported, 1, false) over in_order)
                as is_opening_contradicted,
            closes_elsewhere and (not is_closing_supported or lead(is_opening_supported, 1, false) over in_order)
                as is_closing_contradicted
        from support window in_order as (order by record_date)
    ),
    faults as (
        select *, residual > {_ROUNDED} and not is_opening_contradicted and not is_closing_contradicted
            as is_unbalanced
        from contradictions
    ),
    statements as (
        select *, is_unbalanced and residual > {_SUMMED} and closing_before is null as is_opening_in_doubt,
            is_unbalanced and residual > {_SUMMED} and opening_after is null as is_closing_in_doubt
        from faults
    )
"""


def _operating_cash_balance() -> tuple[Check, ...]:
    rows = f"(select *, {_ROLE} as role from {{operating_cash_balance}})"

    def in_range(name: str, roles: str, column: str, what: str, columns: tuple[str, ...]) -> Check:
        return Check(
            name,
            "operating_cash_balance",
            f"{what} are within 0 and {_BALANCE / 1e6:g} trillion dollars",
            "the balance" if columns else "the row",
            f"""
            select record_date, account_type, {column} as value, null::double as other_value from {rows}
            where role in ({roles}) and ({column} < 0 or {column} > {_BALANCE} or not isfinite({column}))
            """,
            columns,
        )

    closings = f"""
        select 'TGA' as subject, record_date as date, {_BALANCE_STEP / 2} as reach,
            max(case role when 'both' then close_today_bal else open_today_bal end) as number
        from {rows} where role in ('both', 'closing') group by record_date
        having number between 0 and {_BALANCE}
    """

    def step(name: str, role: str, column: str) -> Check:
        return Check(
            name,
            "operating_cash_balance",
            f"a closing balance lies within {_BALANCE_STEP / 1000:g} bn of the last sound one",
            "the balance, and those after it until they are back or accepted",
            _steps(closings)
            + f"""
            select o.record_date, o.account_type, u.number as value, u.sound as other_value
            from unsound as u inner join {rows} as o on o.record_date = u.date and o.role = '{role}'
            """,
            (column,),
        )

    contradicted = "a statement opens with the closing balance of the business day before (to the million, since 2016)"
    stands = "the side that its own flows do not support; both where nobody can tell"
    return (
        in_range("balance_in_range", "'both', 'opening', 'closing'", "open_today_bal", "balances", ("open_today_bal",)),
        in_range("closing_balance_in_range", "'both'", "close_today_bal", "closing balances", ("close_today_bal",)),
        in_range("flows_in_range", "'deposits', 'withdrawals'", "open_today_bal", "a day's flows", ()),
        step("balance_step", "closing", "open_today_bal"),
        step("closing_balance_step", "both", "close_today_bal"),
        Check(
            "opening_is_previous_close",
            "operating_cash_balance",
            contradicted,
            stands,
            f"""
            with {_STATEMENTS}
            select o.record_date, o.account_type, o.open_today_bal as value,
                case o.role when 'closing' then s.opening_after else s.closing_before end as other_value
            from statements as s inner join {rows} as o on o.record_date = s.record_date
            where (o.role = 'opening' and s.is_opening_contradicted)
                or (o.role = 'closing' and s.is_closing_contradicted)
            """,
            ("open_today_bal",),
        ),
        Check(
            "opening_is_previous_close_in_one_row",
            "operating_cash_balance",
            contradicted + "; until April 2022, where one row has both balances and no flows",
            "both balances of both statements: nobody can tell which",
            f"""
            with {_STATEMENTS}
            select o.record_date, o.account_type,
                case when s.is_opening_contradicted then s.opening else s.closing end as value,
                case when s.is_opening_contradicted then s.closing_before else s.opening_after end as other_value
            from statements as s inner join {rows} as o on o.record_date = s.record_date
            where o.role = 'both' and (s.is_opening_contradicted or s.is_closing_contradicted)
            """,
            ("open_today_bal", "close_today_bal"),
        ),
        Check(
            "flows_lead_to_close",
            "operating_cash_balance",
            f"opening + deposits - withdrawals = closing, to {_ROUNDED} million",
            "deposits and withdrawals of the statement; its balances stand, as other statements confirm them: one that "
            f"none does is held as well where more than {_SUMMED} millions are missing",
            f"""
            with {_STATEMENTS}
            select o.record_date, o.account_type, o.open_today_bal as value,
                case o.role
                    when 'opening' then s.closing + s.withdrawals - s.deposits
                    when 'deposits' then s.closing - s.opening + s.withdrawals
                    when 'withdrawals' then s.opening - s.closing + s.deposits
                    else s.opening + s.deposits - s.withdrawals
                end as other_value
            from statements as s inner join {rows} as o on o.record_date = s.record_date
            where s.is_unbalanced and (
                o.role in ('deposits', 'withdrawals') or (o.role = 'opening' and s.is_opening_in_doubt)
                or (o.role = 'closing' and s.is_closing_in_doubt)
            )
            """,
            told_by=("record_date",),
        ),
    )


def _deposits_withdrawals() -> tuple[Check, ...]:
    # the statement prints its sums among the lines that they are made of, and titles them so
    is_subtotal = " or ".join(
        f"lower({column}) like '{prefix}%'"
        for column in ("transaction_catg", "transaction_catg_desc")
        for prefix in ("total", "sub-total", "subtotal", "net change")
    )
    return (
        Check(
            "lines_add_up",
            "deposits_withdrawals",
            "the lines of a day's deposits, or withdrawals, add up to the printed total, to half a million a line",
            "the lines and the total: nobody can tell which",
            f"""
            with lines as (
                select *, lower(account_type) like 'treasury general account total %' as is_total,
                    coalesce({is_subtotal}, false) as is_subtotal
                from {{deposits_withdrawals}}
                where account_type = 'Treasury General Account (TGA)'
                    or lower(account_type) like 'treasury general account total %'
            ),
            sums as (
                select record_date, transaction_type, any_value(transaction_today_amt) filter (is_total) as total,
                    sum(transaction_today_amt) filter (not is_total and not is_subtotal) as lines,
                    count(*) filter (not is_total and not is_subtotal) as counted,
                    count(transaction_today_amt) filter (not is_total and not is_subtotal) as known
                from lines group by record_date, transaction_type
            )
            select l.record_date, l.account_type, l.transaction_type, l.transaction_catg, l.transaction_catg_desc,
                l.src_line_nbr, l.transaction_today_amt as value,
                case when l.is_total then s.lines else s.total end as other_value
            from sums as s inner join lines as l on l.record_date = s.record_date
                and l.transaction_type = s.transaction_type and not l.is_subtotal
            where s.counted = s.known and abs(s.lines - s.total) > s.counted * 0.5 + {_ROUNDED}
            """,
            told_by=("record_date", "transaction_type"),
        ),
    )


# --- auctions, members, the exchange ---------------------------------------------------------------------------------


def _auctions() -> tuple[Check, ...]:
    def amounts(name: str, dataset: str, column: str, keys: str) -> Check:
        return Check(
            name,
            dataset,
            f"{column} is not negative and below {_AUCTION / 1e9:g} bn",
            f"the auction's {column}",
            f"""
            select {keys}, {column} as value, null::double as other_value from {{{dataset}}}
            where {column} < 0 or {column} >= {_AUCTION:.0f} or not isfinite({column})
            """,
            (column,),
        )

    auction = "cusip, auction_date"
    listed = "record_date, security_type, security_term, cusip, auction_date"
    ordered = "announcement, auction, issue and maturity follow one another"
    return (
        *(
            amounts(f"{column}_in_range", "auctions", column, auction)
            for column in ("offering_amt", "total_accepted", "soma_accepted", "est_pub_held_mat_by_type_amt")
        ),
        Check(
            "auction_dates_in_order",
            "auctions",
            ordered,
            "issue, maturity and amounts of the auction: of which settlements they are is not known",
            f"""
            select {auction}, null::double as value, null::double as other_value from {{auctions}}
            where announcemt_date > auction_date or auction_date > issue_date or issue_date >= maturity_date
            """,
            (
                "issue_date",
                "maturity_date",
                "offering_amt",
                "total_accepted",
                "soma_accepted",
                "est_pub_held_mat_by_type_amt",
                "indirect_bidder_accepted",
            ),
        ),
        amounts("upcoming_offering_amt_in_range", "upcoming_auctions", "offering_amt", listed),
        Check(
            "upcoming_dates_in_order",
            "upcoming_auctions",
            "announcement, auction and issue follow one another",
            "the amounts of the auction: of which settlement they are is not known",
            f"""
            select {listed}, null::double as value, null::double as other_value from {{upcoming_auctions}}
            where announcemt_date > auction_date or auction_date > issue_date
            """,
            ("offering_amt",),
        ),
    )


def _index_membership() -> tuple[Check, ...]:
    return (
        Check(
            "spell_ends_after_its_start",
            "index_membership",
            "no spell of a member ends before it starts",
            "the spell",
            """
            select index_id, symbol, start_date, null::double as value, null::double as other_value
            from {index_membership} where end_date < start_date
            """,
        ),
    )


def _exchange_breadth() -> tuple[Check, ...]:
    counts = ("advances", "declines", "unchanged", "new_highs", "new_lows")
    volumes = ("up_volume", "down_volume", "unchanged_volume")
    negative = " or ".join(f"{column} < 0" for column in counts)
    return (
        Check(
            "counts_not_negative",
            "exchange_breadth",
            "no count is negative",
            "the session",
            f"""
            select exchange, date, least({", ".join(counts)})::double as value, null::double as other_value
            from {{exchange_breadth}} where {negative}
            """,
        ),
        Check(
            "extremes_within_issues",
            "exchange_breadth",
            "no more issues are at a high or a low than there are",
            "the session's new highs and new lows",
            """
            select exchange, date, greatest(new_highs, new_lows)::double as value,
                (advances + declines + unchanged)::double as other_value
            from {exchange_breadth} where greatest(new_highs, new_lows) > advances + declines + unchanged
            """,
            ("new_highs", "new_lows"),
        ),
        Check(
            "volumes_not_negative",
            "exchange_breadth",
            "no volume is negative",
            "the session's volumes",
            f"""
            select exchange, date, least({", ".join(volumes)}) as value, null::double as other_value
            from {{exchange_breadth}} where {" or ".join(f"{v} < 0 or not isfinite({v})" for v in volumes)}
            """,
            volumes,
        ),
        Check(
            "exchange_volume_in_its_unit",
            "exchange_breadth",
            f"a session's volume lies within a factor of {_UNIT} of the last sound one",
            "the session's volumes, and those after it until they are back or accepted",
            _steps(f"""
                select exchange as subject, date, ln(up_volume + down_volume) as number, ln({_UNIT}) / 2 as reach
                from {{exchange_breadth}}
                where up_volume >= 0 and down_volume >= 0 and up_volume + down_volume > 0
                    and isfinite(up_volume) and isfinite(down_volume)
            """)
            + "select subject as exchange, date, exp(number) as value, exp(sound) as other_value from unsound",
            volumes,
        ),
    )


CHECKS: tuple[Check, ...] = (
    *_operating_cash_balance(),
    *_fred(),
    *_prices(),
    *_deposits_withdrawals(),
    *_auctions(),
    *_index_membership(),
    *_exchange_breadth(),
)
"""In the order in which they are applied."""
