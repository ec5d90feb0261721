with bars as (
    select * from {{ ref('stg_prices__bars') }}
    where symbol = '^VIX'
),

observations as (
    select * from {{ ref('int_observations__current') }}
    where series_id = 'VIXCLS'
),

exceptions as (
    select * from {{ ref('cross_check_exceptions') }}
    where check_name = 'vix_closes_where_fred_reports_it'
),

compared as (
    select
        bars.date,
        bars.close,
        observations.value as vixcls,
        bars.close - observations.value as difference
    from bars
    inner join observations on bars.date = observations.observation_date
)

select compared.*
from compared
left join exceptions on compared.date between exceptions.first_date and exceptions.last_date
where abs(difference) > 0.02 + 1e-9 and exceptions.check_name is null
