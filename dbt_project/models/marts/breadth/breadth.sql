with counts as (
    select * from {{ ref('int_breadth__counts') }}
),

derived as (
    select * from {{ ref('int_breadth__derived') }}
    where counted = 'members'
),

index_highs as (
    select * from {{ ref('int_breadth__index_highs') }}
),

grades as (
    select * from {{ ref('breadth_grades') }}
),

shares as (
    select
        universe,
        date,
        members,
        valid,
        100.0 * priced / members as coverage_pct,
        100.0 * above_sma_20 / nullif(with_sma_20, 0) as pct_above_20,
        100.0 * above_sma_50 / nullif(with_sma_50, 0) as pct_above_50,
        100.0 * above_sma_200 / nullif(with_sma_200, 0) as pct_above_200
    from counts
),

-- the best grade of which both the coverage and the years are reached is the worse of the two
graded as (
    select
        shares.universe,
        shares.date,
        min(grades.grade) as grade
    from shares
    left join grades
        on shares.coverage_pct >= grades.min_coverage_pct
        and (grades.first_date is null or shares.date >= grades.first_date)
    group by shares.universe, shares.date
),

-- a high that fewer members carry than the one before it
diverging as (
    select
        shares.universe,
        shares.date,
        case
            when not index_highs.is_at_high or index_highs.previous_high_date is null then false
            else shares.pct_above_50 <= earlier.pct_above_50 - 5
        end as breadth_divergence
    from shares
    inner join index_highs on shares.universe = index_highs.universe and shares.date = index_highs.date
    left join shares as earlier
        on index_highs.universe = earlier.universe
        and index_highs.previous_high_date = earlier.date
)

select
    shares.universe,
    shares.date,
    cast(shares.members as integer) as members,
    cast(shares.valid as integer) as valid,
    shares.coverage_pct,
    graded.grade,
    derived.advances,
    derived.declines,
    derived.unchanged,
    shares.pct_above_20,
    shares.pct_above_50,
    shares.pct_above_200,
    derived.new_highs,
    derived.new_lows,
    derived.nhnl_pct,
    derived.high_low_index_10,
    derived.rana,
    derived.ad_line,
    derived.mcclellan_oscillator,
    derived.mcclellan_summation,
    derived.is_stable,
    derived.trin,
    derived.trin_10,
    derived.zweig_thrust,
    derived.up_volume_pct,
    derived.volume_coverage_pct,
    derived.is_90pct_up_day,
    derived.is_90pct_down_day,
    diverging.breadth_divergence,
    'point_in_time' as membership_mode,
    'split_adjusted' as price_basis
from shares
inner join derived on shares.universe = derived.market and shares.date = derived.date
inner join graded on shares.universe = graded.universe and shares.date = graded.date
left join diverging on shares.universe = diverging.universe and shares.date = diverging.date
order by shares.universe, shares.date
