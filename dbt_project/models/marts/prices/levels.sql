{{ config(materialized='view') }}

with levels as (
    select * from {{ ref('int_prices__levels') }}
),

bases as (
    select * from {{ ref('int_prices__bases') }}
)

select
    levels.symbol,
    levels.date,
    levels.kind,
    levels.side,
    levels.price,
    levels.touches,
    levels.confirmed_at,
    levels.distance_atr,
    levels.valid,
    levels.is_approximate,
    bases.basis as price_basis
from levels
left join bases
    on levels.symbol = bases.symbol
    and levels.date >= bases.from_date
    and levels.date < bases.until_date
