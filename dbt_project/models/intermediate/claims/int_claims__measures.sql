with windows as (
    select * from {{ ref('int_claims__windows') }}
),

relations as (
    select * from {{ ref('int_claims__relations') }}
),

outcomes as (
    select * from {{ ref('int_claims__outcomes') }}
)

select * from windows
union all
select * from relations
union all
select * from outcomes
