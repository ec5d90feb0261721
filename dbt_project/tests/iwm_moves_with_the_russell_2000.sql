with prices as (
    select * from {{ ref('price_indicators') }}
    where symbol in ('IWM', '^RUT')
),

exceptions as (
    select * from {{ ref('cross_check_exceptions') }}
    where check_name = 'iwm_moves_with_the_russell_2000'
),

returns as (
    select
        date,
        max(case when symbol = 'IWM' then close / previous_close - 1 end) as iwm_return,
        max(case when symbol = 'IWM' then exp(return_1d) - 1 end) as iwm_total_return,
        max(case when symbol = '^RUT' then close / previous_close - 1 end) as russell_return
    from prices
    group by date
),

-- the index falls by no dividend of the fund: on such a day the total return is the one that moves with it
compared as (
    select
        *,
        case
            when abs(iwm_total_return - russell_return) < abs(iwm_return - russell_return)
                then iwm_total_return - russell_return
            else iwm_return - russell_return
        end as difference
    from returns
)

select compared.*
from compared
left join exceptions on compared.date between exceptions.first_date and exceptions.last_date
where abs(difference) > 0.005 and exceptions.check_name is null
