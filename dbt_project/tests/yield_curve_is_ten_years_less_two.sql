with observations as (
    select * from {{ ref('int_observations__current') }}
    where series_id in ('T10Y2Y', 'DGS10', 'DGS2')
),

exceptions as (
    select * from {{ ref('cross_check_exceptions') }}
    where check_name = 'yield_curve_is_ten_years_less_two'
),

by_date as (
    select
        observation_date,
        max(case when series_id = 'T10Y2Y' then value end) as t10y2y,
        max(case when series_id = 'DGS10' then value end) as dgs10,
        max(case when series_id = 'DGS2' then value end) as dgs2
    from observations
    group by observation_date
),

compared as (
    select
        *,
        t10y2y - (dgs10 - dgs2) as difference_pp
    from by_date
)

-- FRED subtracts before it rounds
select compared.*
from compared
left join exceptions on compared.observation_date between exceptions.first_date and exceptions.last_date
where abs(difference_pp) > 0.011 and exceptions.check_name is null
