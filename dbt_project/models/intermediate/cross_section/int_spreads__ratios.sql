with pairs as (
    select * from {{ ref('spread_pairs') }}
),

bars as (
    select * from {{ ref('stg_prices__bars') }}
    where adj_close > 0
),

sessions as (
    select * from {{ ref('int_calendar__sessions') }}
),

components as (
    select pair, 'numerator' as side, {{ unnest_list(split_text('numerator', '+')) }} as symbol
    from pairs
    union all
    select pair, 'denominator' as side, {{ unnest_list(split_text('denominator', '+')) }} as symbol
    from pairs
),

priced as (
    select
        components.pair,
        components.side,
        components.symbol,
        bars.date,
        bars.adj_close,
        count(*) over (partition by components.pair, components.side, bars.date) as present
    from components
    inner join bars on components.symbol = bars.symbol
),

sizes as (
    select pair, side, count(*) as size
    from components
    group by pair, side
),

-- a basket has a level only where each of its components has a price
complete as (
    select
        priced.pair,
        priced.side,
        priced.symbol,
        priced.date,
        priced.adj_close,
        sizes.size,
        priced.adj_close / lag(priced.adj_close) over (
            partition by priced.pair, priced.side, priced.symbol
            order by priced.date
        ) as growth
    from priced
    inner join sizes on priced.pair = sizes.pair and priced.side = sizes.side
    where priced.present = sizes.size
),

-- equal weights restored at each row
basket_growth as (
    select
        pair,
        side,
        date,
        size,
        max(adj_close) as only_price,
        {{ ordered_mean('growth', 'symbol') }} as growth
    from complete
    group by pair, side, date, size
),

-- each level is that of the row before times the growth; an index starts at 100
by_side as (
    select
        pair,
        side,
        {{ ordered_list('date', 'date') }} as dates,
        {{ ordered_list('size', 'date') }} as sizes,
        {{ ordered_list('only_price', 'date') }} as only_prices,
        {{ ordered_list('coalesce(growth, 100)', 'date') }} as growths
    from basket_growth
    group by pair, side
),

side_levels as (
    select
        pair,
        side,
        {{ unnest_list('dates') }} as date,
        {{ unnest_list('sizes') }} as size,
        {{ unnest_list('only_prices') }} as only_price,
        {{ unnest_list(kernel('chain_product', ['growths'])) }} as basket_level
    from by_side
),

levels as (
    select
        pair,
        side,
        date,
        case when size = 1 then only_price else basket_level end as level
    from side_levels
),

both_sides as (
    select
        numerators.pair,
        numerators.date,
        numerators.level as numerator_level,
        denominators.level as denominator_level
    from levels as numerators
    inner join levels as denominators
        on numerators.pair = denominators.pair
        and numerators.date = denominators.date
    where numerators.side = 'numerator' and denominators.side = 'denominator'
),

spans as (
    select pair, min(date) as first_date, max(date) as last_date
    from both_sides
    group by pair
),

-- every session of the pair's life, so that k rows back is k sessions back and a gap is seen
ratios as (
    select
        spans.pair,
        sessions.date,
        sessions.session_number,
        both_sides.numerator_level,
        both_sides.denominator_level,
        both_sides.numerator_level / both_sides.denominator_level as ratio
    from spans
    inner join sessions on sessions.date between spans.first_date and spans.last_date
    left join both_sides on spans.pair = both_sides.pair and sessions.date = both_sides.date
)

select * from ratios
