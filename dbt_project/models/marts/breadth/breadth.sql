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

bases as (
    select * from {{ ref('int_breadth__bases') }}
),

grades as (
    select * from {{ ref('breadth_grades') }}
),

shares as (
    select
        counts.universe,
        counts.date,
        counts.members,
        counts.valid,
        100.0 * counts.priced / counts.members as coverage_pct,
        case when counts.priced > 0 then 100.0 * bases.as_traded / bases.told end as as_traded_pct,
        100.0 * counts.above_sma_20 / nullif(counts.with_sma_20, 0) as pct_above_20,
        100.0 * counts.above_sma_50 / nullif(counts.with_sma_50, 0) as pct_above_50,
        100.0 * counts.above_sma_200 / nullif(counts.with_sma_200, 0) as pct_above_200
    from counts
    left join bases on counts.universe = bases.universe and counts.date = bases.date
),

-- the best grade of which both the coverage and the basis are reached is the worse of the two
graded as (
    select
        shares.universe,
        shares.date,
        min(grades.grade) as grade
    from shares
    left join grades
        on shares.coverage_pct >= grades.min_coverage_pct
        and coalesce(shares.as_traded_pct, 0) >= grades.min_as_traded_pct
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
    shares.as_traded_pct,
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
    case
        when shares.as_traded_pct = 100 then 'split_adjusted'
        when shares.as_traded_pct = 0 then 'dividend_adjusted'
        when shares.as_traded_pct is not null then 'mixed'
    end as price_basis
from shares
inner join derived on shares.universe = derived.market and shares.date = derived.date
inner join graded on shares.universe = graded.universe and shares.date = graded.date
left join diverging on shares.universe = diverging.universe and shares.date = diverging.date
order by shares.universe, shares.date
