{# what an interval of 95 % reaches to each side, in standard errors #}
{% set quantile = 1.96 %}

with asked as (
    select * from {{ ref('int_claims__asked') }}
    where measure in ('beta', 'lead_lag', 'break')
),

inputs as (
    select * from {{ ref('int_claims__inputs') }}
    where condition_id in (select condition_id from asked)
),

of_points as (
    select * from inputs
    where role = 'of'
),

against_points as (
    select * from inputs
    where role = 'against'
),

daily as (
    select
        points.condition_id,
        points.as_of_date,
        points.role,
        points.date,
        points.back,
        points.value - earlier.value as change
    from inputs as points
    inner join inputs as earlier
        on points.condition_id = earlier.condition_id
        and points.role = earlier.role
        and points.as_of_date = earlier.as_of_date
        and points.back + 1 = earlier.back
    where points.role <> 'member'
),

-- changes of the two, or of what is subtracted, on the days on which all of them have one
moves as (
    select
        asked.condition_id,
        asked.as_of_date,
        asked.sessions,
        asked.less_series,
        moved.role,
        causes.date,
        causes.change as x,
        moved.change as y,
        count(*) over (partition by asked.condition_id, asked.as_of_date, causes.date) as roles
    from asked
    inner join daily as causes
        on asked.condition_id = causes.condition_id
        and asked.as_of_date = causes.as_of_date
        and asked.sessions > causes.back
    inner join daily as moved
        on causes.condition_id = moved.condition_id
        and causes.as_of_date = moved.as_of_date
        and causes.date = moved.date
    where
        asked.measure = 'beta'
        and causes.role = 'against'
        and moved.role in ('of', 'less')
        and causes.change is not null
        and moved.change is not null
),

move_lists as (
    select
        condition_id,
        as_of_date,
        role,
        max(date) as last_date,
        {{ ordered_list('date', 'date') }} as dates,
        {{ ordered_list('x', 'date') }} as x_list,
        {{ ordered_list('y', 'date') }} as y_list,
        cast(count(*) as integer) as n
    from moves
    where roles = case when less_series is null then 1 else 2 end
    group by condition_id, as_of_date, role
    having count(*) >= 0.9 * max(sessions) and count(*) > 2
),

own_computed as (
    select
        *,
        {{ kernel('rolling_pair', ['y_list', 'x_list', 'n', 'n']) }} as of_all
    from move_lists
),

own_slopes as (
    select
        condition_id,
        as_of_date,
        role,
        last_date,
        {{ unnest_list('dates') }} as date,
        {{ unnest_list('of_all.beta') }} as slope
    from own_computed
),

-- |b| less |b of what is subtracted| is the slope of both together, each with the sign of its own slope
signed_moves as (
    select
        moves.condition_id,
        moves.as_of_date,
        moves.date,
        max(moves.x) as x,
        sum(
            case
                when moves.less_series is null then moves.y
                when moves.role = 'of' then sign(own_slopes.slope) * moves.y
                else -sign(own_slopes.slope) * moves.y
            end
        ) as y
    from moves
    inner join own_slopes
        on moves.condition_id = own_slopes.condition_id
        and moves.as_of_date = own_slopes.as_of_date
        and moves.role = own_slopes.role
    where
        own_slopes.date = own_slopes.last_date
        and moves.roles = case when moves.less_series is null then 1 else 2 end
    group by moves.condition_id, moves.as_of_date, moves.date
),

-- what one did before each session against what the other did after it
leads as (
    select
        asked.condition_id,
        asked.as_of_date,
        of_now.date,
        of_now.value - of_before.value as x,
        against_after.value - against_now.value as y
    from asked
    inner join of_points as of_now
        on asked.condition_id = of_now.condition_id
        and asked.as_of_date = of_now.as_of_date
    inner join of_points as of_before
        on asked.condition_id = of_before.condition_id
        and asked.as_of_date = of_before.as_of_date
        and of_now.session_number - coalesce(asked.past_sessions, asked.sessions) = of_before.session_number
    inner join against_points as against_now
        on asked.condition_id = against_now.condition_id
        and asked.as_of_date = against_now.as_of_date
        and of_now.session_number = against_now.session_number
    inner join against_points as against_after
        on asked.condition_id = against_after.condition_id
        and asked.as_of_date = against_after.as_of_date
        and of_now.session_number + asked.sessions = against_after.session_number
    where asked.measure = 'lead_lag'
),

related as (
    select * from signed_moves
    union all
    select * from leads
    where x is not null and y is not null
),

related_lists as (
    select
        condition_id,
        as_of_date,
        min(date) as from_date,
        max(date) as to_date,
        {{ ordered_list('date', 'date') }} as dates,
        {{ ordered_list('x', 'date') }} as x_list,
        {{ ordered_list('y', 'date') }} as y_list,
        cast(count(*) as integer) as pairs
    from related
    group by condition_id, as_of_date
    having count(*) > 2
),

computed as (
    select
        *,
        {{ kernel('rolling_pair', ['y_list', 'x_list', 'pairs', 'pairs']) }} as of_all
    from related_lists
),

related_by_date as (
    select
        condition_id,
        as_of_date,
        from_date,
        to_date,
        pairs,
        {{ unnest_list('dates') }} as date,
        {{ unnest_list('of_all.beta') }} as slope,
        {{ unnest_list('of_all.correlation') }} as correlation
    from computed
),

-- windows of several sessions overlap: only every block of them tells something new
regressed as (
    select
        asked.condition_id,
        asked.as_of_date,
        asked.measure,
        asked.take,
        related_by_date.from_date,
        related_by_date.to_date,
        related_by_date.slope,
        related_by_date.correlation,
        case asked.measure
            when 'beta' then related_by_date.pairs
            else
                floor(
                    1.0 * related_by_date.pairs / greatest(coalesce(asked.past_sessions, 0), asked.sessions)
                )
        end as n
    from related_by_date
    inner join asked
        on related_by_date.condition_id = asked.condition_id
        and related_by_date.as_of_date = asked.as_of_date
    where related_by_date.date = related_by_date.to_date
),

-- of a slope by least squares, of a correlation by Fisher's z
widths as (
    select
        *,
        {{ quantile }} * case measure
            when 'beta'
                then abs(slope / nullif(correlation, 0)) * sqrt((1 - correlation * correlation) / (n - 2))
            else 1 / sqrt(n - 3)
        end as half_width
    from regressed
    where n >= 10 and abs(correlation) < 1
),

intervals as (
    select
        *,
        case measure when 'beta' then slope else correlation end as estimate,
        case
            when measure = 'beta' then slope - half_width
            else tanh(atanh(correlation) - half_width)
        end as ci_low,
        case
            when measure = 'beta' then slope + half_width
            else tanh(atanh(correlation) + half_width)
        end as ci_high
    from widths
),

taken as (
    select
        condition_id,
        as_of_date,
        case take when 'low' then ci_low when 'high' then ci_high else estimate end as value,
        from_date,
        to_date,
        n,
        ci_low,
        ci_high
    from intervals
),

-- sums up to each session give the means before and after it
cumulated as (
    select
        asked.condition_id,
        asked.as_of_date,
        asked.since_session,
        daily.date,
        count(*) over so_far as n_before,
        count(*) over everything as n,
        sum(daily.change) over so_far as sum_before,
        sum(daily.change) over everything as sum_all,
        sum(daily.change * daily.change) over everything as sum_of_squares
    from asked
    inner join daily on asked.condition_id = daily.condition_id and asked.as_of_date = daily.as_of_date
    where asked.measure = 'break' and daily.role = 'of' and daily.change is not null
    window
        so_far as (partition by asked.condition_id, asked.as_of_date order by daily.date),
        everything as (
            partition by asked.condition_id, asked.as_of_date
            order by daily.date
            rows between unbounded preceding and unbounded following
        )
),

-- the break is on a given day, or on any but the first and last 15 % of the sample
splits as (
    select
        condition_id,
        as_of_date,
        date,
        n,
        n_before,
        sum_before / n_before as mean_before,
        (sum_all - sum_before) / (n - n_before) as mean_after,
        sum_of_squares - sum_before * sum_before / n_before
        - (sum_all - sum_before) * (sum_all - sum_before) / (n - n_before) as residual
    from cumulated
    where
        n_before < n
        and n > 2
        and case
            when since_session is null then n_before between 0.15 * n and 0.85 * n
            else date = since_session
        end
),

tested as (
    select
        condition_id,
        as_of_date,
        date,
        n,
        (mean_after - mean_before)
        / nullif(sqrt(residual / (n - 2) * (1.0 / n_before + 1.0 / (n - n_before))), 0) as t
    from splits
),

breaks as (
    select
        condition_id,
        as_of_date,
        max_by(t, abs(t)) as value,
        max_by(date, abs(t)) as from_date,
        max_by(date, abs(t)) as to_date,
        max(n) as n
    from tested
    group by condition_id, as_of_date
),

measured as (
    {{ claims_measured({'taken': ['n', 'ci_low', 'ci_high'], 'breaks': ['n']}) }}
)

select * from measured
