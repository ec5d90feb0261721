with source as (
    select * from {{ source('ref', 'series') }}
),

-- FRED publishes millions for some ids; from staging on money is in billions
renamed as (
    select
        series_id,
        title,
        source,
        unit as source_unit,
        case unit when 'usd_mn' then 'usd_bn' else unit end as unit,
        frequency,
        calendar,
        lag_business_days,
        known_time,
        max_age_sessions,
        required,
        revises,
        licence,
        description
    from source
)

select * from renamed
