with ratios as (
    select * from {{ ref('int_spreads__ratios') }}
),

returns as (
    select
        *,
        ln(ratio) as log_ratio,
        ln(numerator_level / lag(numerator_level) over sessions) as numerator_return,
        ln(denominator_level / lag(denominator_level) over sessions) as denominator_return
    from ratios
    window sessions as (partition by pair order by date)
),

-- a pairwise window: where one side has no return the other's does not count either
pairwise as (
    select
        *,
        case when denominator_return is not null then numerator_return end as numerator_pairwise,
        case when numerator_return is not null then denominator_return end as denominator_pairwise
    from returns
),

by_pair as (
    select
        pair,
        {{ ordered_list('date', 'session_number') }} as dates,
        {{ ordered_list('ratio', 'session_number') }} as ratio_list
    from ratios
    group by pair
),

percentiles as (
    select
        pair,
        {{ unnest_list('dates') }} as date,
        {{ unnest_list(kernel('rolling_percentile', ['ratio_list', '252', '252'])) }} as percentile_252
    from by_pair
),

windows as (
    select
        pair,
        date,
        ratio,
        log_ratio - lag(log_ratio, 21) over sessions as log_spread_21,
        log_ratio - lag(log_ratio, 63) over sessions as log_spread_63,
        log_ratio - lag(log_ratio, 126) over sessions as log_spread_126,
        log_ratio - lag(log_ratio, 252) over sessions as log_spread_252,
        log_ratio - avg(log_ratio) over last_252 as distance_from_mean_252,
        stddev_samp(log_ratio) over last_252 as deviation_252,
        count(log_ratio) over last_252 as ratios_252,
        -- the first row has no return yet
        row_number() over sessions - 1 as returns_so_far,
        count(numerator_pairwise) over last_252 as returns_252,
        count(numerator_pairwise) over last_63 as returns_63,
        covar_samp(numerator_pairwise, denominator_pairwise) over last_252 as covariance_252,
        var_samp(denominator_pairwise) over last_252 as denominator_variance_252,
        covar_samp(numerator_pairwise, denominator_pairwise) over last_63 as covariance_63,
        stddev_samp(numerator_pairwise) over last_63 as numerator_deviation_63,
        stddev_samp(denominator_pairwise) over last_63 as denominator_deviation_63
    from pairwise
    window
        sessions as (partition by pair order by date),
        last_63 as (partition by pair order by date rows between 62 preceding and current row),
        last_252 as (partition by pair order by date rows between 251 preceding and current row)
),

spreads as (
    select
        windows.pair,
        windows.date,
        windows.ratio,
        windows.log_spread_21,
        windows.log_spread_63,
        windows.log_spread_126,
        windows.log_spread_252,
        -- the kernel skips what is missing; here a gap leaves the window short
        case when windows.ratios_252 = 252 then percentiles.percentile_252 end as percentile_252,
        case
            when windows.ratios_252 = 252
                then windows.distance_from_mean_252 / nullif(windows.deviation_252, 0)
        end as z_score_252,
        case
            when windows.returns_so_far >= 252 and windows.returns_252 >= 0.9 * 252
                then windows.covariance_252 / nullif(windows.denominator_variance_252, 0)
        end as beta_252,
        case
            when windows.returns_so_far >= 63 and windows.returns_63 >= 0.9 * 63
                then windows.covariance_63
                    / nullif(windows.numerator_deviation_63 * windows.denominator_deviation_63, 0)
        end as correlation_63
    from windows
    inner join percentiles on windows.pair = percentiles.pair and windows.date = percentiles.date
    where windows.ratio is not null
)

select
    pair,
    date,
    ratio,
    log_spread_21,
    log_spread_63,
    log_spread_126,
    log_spread_252,
    {{ finite('percentile_252') }} as percentile_252,
    {{ finite('z_score_252') }} as z_score_252,
    {{ finite('beta_252') }} as beta_252,
    {{ finite('correlation_63') }} as correlation_63
from spreads
order by pair, date
