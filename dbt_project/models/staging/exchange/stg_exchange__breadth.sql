with source as (
    select * from {{ source('raw', 'exchange_breadth') }}
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
)

select * from current_versions
