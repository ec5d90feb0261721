-- depends_on: {{ ref('stg_exchange__breadth') }}

with unit_breaks as (
    select * from {{ source('ref', 'unit_breaks') }}
)

-- a break that no staging model reads would leave its column in two units
select * from unit_breaks
where
    dataset <> 'exchange_breadth'
    or where_column <> 'exchange'
    or column_name not in ('up_volume', 'down_volume', 'unchanged_volume')
