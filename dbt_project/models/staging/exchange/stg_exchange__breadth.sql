with source as (
    select * from {{ source('raw', 'exchange_breadth') }}
),

unit_breaks as (
    select * from {{ source('ref', 'unit_breaks') }}
    where dataset = 'exchange_breadth' and where_column = 'exchange'
),

as_of as (
    select * from {{ source('ref', 'as_of') }}
),

known as (
    select
        source.*,
        row_number() over (
            partition by source.exchange, source.date
            order by source.known_at desc, source.fetched_at desc
        ) as version_rank
    from source
    cross join as_of
    where source.known_at <= as_of.as_of_at
),

current_versions as (
    select
        exchange,
        date,
        advances,
        declines,
        unchanged,
        new_highs,
        new_lows,
        up_volume,
        down_volume,
        unchanged_volume
    from known
    where version_rank = 1 and is_void is not true
),

-- each factor leads to the present unit, so the first break after a date is the one that counts
unit_spells as (
    select
        where_value as exchange,
        column_name as measure,
        before_date,
        factor,
        lag(before_date) over (partition by where_value, column_name order by before_date) as from_date
    from unit_breaks
),

old_units as (
    select
        current_versions.exchange,
        current_versions.date,
        unit_spells.measure,
        unit_spells.factor
    from current_versions
    inner join unit_spells
        on current_versions.exchange = unit_spells.exchange
        and current_versions.date < unit_spells.before_date
        and (unit_spells.from_date is null or current_versions.date >= unit_spells.from_date)
),

factors as (
    select
        exchange,
        date,
        max(case when measure = 'up_volume' then factor end) as up_factor,
        max(case when measure = 'down_volume' then factor end) as down_factor,
        max(case when measure = 'unchanged_volume' then factor end) as unchanged_factor
    from old_units
    group by exchange, date
),

in_one_unit as (
    select
        current_versions.exchange,
        current_versions.date,
        current_versions.advances,
        current_versions.declines,
        current_versions.unchanged,
        current_versions.new_highs,
        current_versions.new_lows,
        current_versions.up_volume * coalesce(factors.up_factor, 1) as up_volume,
        current_versions.down_volume * coalesce(factors.down_factor, 1) as down_volume,
        current_versions.unchanged_volume * coalesce(factors.unchanged_factor, 1) as unchanged_volume
    from current_versions
    left join factors
        on current_versions.exchange = factors.exchange
        and current_versions.date = factors.date
)

select * from in_one_unit
