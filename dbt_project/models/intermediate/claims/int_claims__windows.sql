with asked as (
    select * from {{ ref('int_claims__asked') }}
),

inputs as (
    select * from {{ ref('int_claims__inputs') }}
),

condition_series as (
    select * from {{ ref('int_claims__condition_series') }}
),

of_points as (
    select * from inputs
    where role = 'of'
),

against_points as (
    select * from inputs
    where role = 'against'
),

member_points as (
    select * from inputs
    where role = 'member'
),

levels as (
    select
        asked.condition_id,
        asked.as_of_date,
        seen.value,
        seen.date as from_date,
        seen.date as to_date
    from asked
    inner join of_points as seen
        on asked.condition_id = seen.condition_id
        and asked.as_of_date = seen.as_of_date and seen.back = 0
    where asked.measure = 'level'
),

-- ends of windows: now, or the latest statement of the weekday
window_ends as (
    select
        asked.condition_id,
        asked.as_of_date,
        asked.sessions,
        asked.since_session,
        asked.weekday,
        -- a week, or from another weekday to this one
        (asked.weekday - coalesce(asked.from_weekday, asked.weekday) + 6) % 7 + 1 as week_days,
        seen.date,
        seen.value,
        seen.observation_date,
        row_number() over (
            partition by asked.condition_id, asked.as_of_date
            order by seen.back
        ) as recency_rank
    from asked
    inner join of_points as seen
        on asked.condition_id = seen.condition_id
        and asked.as_of_date = seen.as_of_date
    where
        asked.measure = 'change'
        and (
            (asked.weekday is null and seen.back = 0)
            or {{ days_between(period_start('week', 'seen.observation_date'), 'seen.observation_date') }} + 1
            = asked.weekday
        )
),

window_pairs as (
    select
        window_ends.condition_id,
        window_ends.as_of_date,
        seen.date as from_date,
        window_ends.date as to_date,
        window_ends.value - seen.value as value,
        row_number() over (
            partition by window_ends.condition_id, window_ends.as_of_date
            order by seen.back
        ) as recency_rank
    from window_ends
    inner join of_points as seen
        on window_ends.condition_id = seen.condition_id
        and window_ends.as_of_date = seen.as_of_date
        and (
            window_ends.sessions = seen.back
            or window_ends.since_session = seen.date
            or (
                window_ends.weekday is not null
                and {{ days_between('seen.observation_date', 'window_ends.observation_date') }}
                = window_ends.week_days
            )
        )
    where window_ends.recency_rank = 1
),

changes as (
    select condition_id, as_of_date, value, from_date, to_date
    from window_pairs
    where recency_rank = 1
),

-- the series itself, or its change over a window, at each session
tracks as (
    select
        asked.condition_id,
        asked.as_of_date,
        asked.since_session,
        seen.date,
        seen.back,
        case when asked.sessions is null then seen.value else seen.value - earlier.value end as value
    from asked
    inner join of_points as seen
        on asked.condition_id = seen.condition_id
        and asked.as_of_date = seen.as_of_date
    left join of_points as earlier
        on seen.condition_id = earlier.condition_id
        and seen.as_of_date = earlier.as_of_date
        and seen.back + asked.sessions = earlier.back
    where asked.measure = 'record' and seen.date >= asked.since_session
),

records as (
    select
        condition_id,
        as_of_date,
        max(value) filter (where back = 0) - max(value) filter (where back > 0) as value,
        max_by(date, value) filter (where back > 0) as from_date,
        max(date) as to_date,
        count(value) as n
    from tracks
    group by condition_id, as_of_date
    -- a history that begins later cannot tell
    having max(case when date = since_session then value end) is not null
),

-- mid-ranks in a window that is two fifths full at least
percentiles as (
    select
        asked.condition_id,
        asked.as_of_date,
        case
            when count(seen.value) >= 0.4 * max(asked.sessions)
                then
                    (
                        100.0 * count(*) filter (where seen.value < now.value)
                        + 50.0 * count(*) filter (where seen.value = now.value)
                    ) / count(seen.value)
        end as value,
        min(seen.date) as from_date,
        max(seen.date) as to_date,
        count(seen.value) as n
    from asked
    inner join of_points as now
        on asked.condition_id = now.condition_id
        and asked.as_of_date = now.as_of_date
        and now.back = 0
    inner join of_points as seen
        on asked.condition_id = seen.condition_id
        and asked.as_of_date = seen.as_of_date
        and asked.sessions > seen.back
    where asked.measure = 'percentile' and now.value is not null
    group by asked.condition_id, asked.as_of_date
),

mean_ratios as (
    select
        asked.condition_id,
        asked.as_of_date,
        case
            when
                count(seen.value) = max(asked.over_sessions)
                and count(seen.value) filter (where seen.back < asked.sessions) = max(asked.sessions)
                then
                    {{ ordered_mean(
                        'case when asked.sessions > seen.back then seen.value end', 'seen.date'
                    ) }} / nullif({{ ordered_mean('seen.value', 'seen.date') }}, 0)
        end as value,
        min(seen.date) as from_date,
        max(seen.date) as to_date,
        count(seen.value) as n
    from asked
    inner join of_points as seen
        on asked.condition_id = seen.condition_id
        and asked.as_of_date = seen.as_of_date
        and asked.over_sessions > seen.back
    where asked.measure = 'mean_ratio'
    group by asked.condition_id, asked.as_of_date
),

ranges as (
    select
        asked.condition_id,
        asked.as_of_date,
        case
            when count(seen.value) = max(asked.sessions) and count(lows.value) = max(asked.sessions)
                then max(seen.value) / nullif(min(lows.value), 0) - 1
        end as value,
        min(seen.date) as from_date,
        max(seen.date) as to_date,
        count(seen.value) as n
    from asked
    inner join of_points as seen
        on asked.condition_id = seen.condition_id
        and asked.as_of_date = seen.as_of_date
        and asked.sessions > seen.back
    left join against_points as lows
        on seen.condition_id = lows.condition_id
        and seen.as_of_date = lows.as_of_date
        and seen.date = lows.date
    where asked.measure = 'range'
    group by asked.condition_id, asked.as_of_date
),

-- a visit lasts as long as the series stays at or above zero
visiting as (
    select
        asked.condition_id,
        asked.as_of_date,
        asked.sessions,
        seen.date,
        seen.value,
        lag(seen.value) over (
            partition by asked.condition_id, asked.as_of_date
            order by seen.date
        ) as last_value
    from asked
    inner join of_points as seen
        on asked.condition_id = seen.condition_id
        and asked.as_of_date = seen.as_of_date
        and asked.sessions > seen.back
    where asked.measure = 'visits'
),

visits as (
    select
        condition_id,
        as_of_date,
        case
            when count(value) = max(sessions)
                then count(*) filter (where value >= 0 and (last_value < 0 or last_value is null))
        end as value,
        min(date) as from_date,
        max(date) as to_date,
        count(value) as n
    from visiting
    group by condition_id, as_of_date
),

members as (
    select condition_id, series
    from condition_series
    where role = 'member'
),

member_changes as (
    select
        asked.condition_id,
        asked.as_of_date,
        asked.measure,
        asked.of_series,
        members.series,
        earlier.date as from_date,
        seen.date as to_date,
        seen.value - earlier.value as value
    from asked
    inner join members on asked.condition_id = members.condition_id
    left join member_points as seen
        on asked.condition_id = seen.condition_id
        and asked.as_of_date = seen.as_of_date
        and members.series = seen.series
        and seen.back = 0
    left join member_points as earlier
        on asked.condition_id = earlier.condition_id
        and asked.as_of_date = earlier.as_of_date
        and members.series = earlier.series
        and asked.sessions = earlier.back
),

ranked_members as (
    select
        *,
        rank() over (
            partition by condition_id, as_of_date
            order by value desc nulls last
        ) as member_rank
    from member_changes
),

-- of a list every member must be known, of a rank those that were there
lists as (
    select
        condition_id,
        as_of_date,
        case
            when max(measure) = 'rank'
                then max(case when series = of_series and value is not null then member_rank end)
            when count(value) < count(*) then null
            when max(measure) = 'share_falling' then 1.0 * count(*) filter (where value < 0) / count(*)
            else {{ ordered_mean('value', 'series') }}
        end as value,
        min(from_date) as from_date,
        max(to_date) as to_date,
        count(value) as n,
        {{ joined_text(
            "series || ' ' || coalesce(cast(round(value, 4) as varchar), 'not known')", ', ', 'member_rank, series'
        ) }} as detail
    from ranked_members
    group by condition_id, as_of_date
),

-- windows of civil days over what happens on any day
ages as (
    select
        asked.condition_id,
        asked.as_of_date,
        asked.less_days_before,
        asked.days,
        visible.date,
        visible.value,
        {{ days_between('visible.date', 'asked.as_of_date') }} as age
    from asked
    inner join of_points as visible
        on asked.condition_id = visible.condition_id
        and asked.as_of_date = visible.as_of_date
    where asked.measure = 'sum'
),

counted_ages as (
    select
        *,
        age < days or (age >= less_days_before and age < less_days_before + days) as is_counted
    from ages
),

sums as (
    select
        condition_id,
        as_of_date,
        -- a history that begins within a window cannot tell
        case
            when max(age) < max(coalesce(less_days_before, 0) + days) then null
            when count(value) filter (where is_counted) = count(*) filter (where is_counted)
                then
                    {{ ordered_sum(
                        'case when age < days then value when is_counted then -value end', 'date'
                    ) }}
        end as value,
        min(date) filter (where is_counted) as from_date,
        max(date) as to_date,
        count(value) filter (where is_counted) as n
    from counted_ages
    group by condition_id, as_of_date
),

rises as (
    select
        asked.condition_id,
        asked.as_of_date,
        earlier.date as from_date,
        seen.date as to_date,
        earlier.observation_date as after_date,
        seen.observation_date as last_date,
        seen.value - earlier.value as rise
    from asked
    inner join against_points as seen
        on asked.condition_id = seen.condition_id
        and asked.as_of_date = seen.as_of_date
        and seen.back = 0
    inner join against_points as earlier
        on asked.condition_id = earlier.condition_id
        and asked.as_of_date = earlier.as_of_date
        and asked.sessions = earlier.back
    where asked.measure = 'share_of_rise'
),

-- of what does not rise nothing is a share
shares_of_rise as (
    select
        rises.condition_id,
        rises.as_of_date,
        case
            when rises.rise <= 0 then 0
            when count(visible.value) = count(*)
                then {{ ordered_sum('visible.value', 'visible.date') }} / rises.rise
        end as value,
        rises.from_date,
        rises.to_date,
        count(visible.value) as n,
        'of ' || cast(round(rises.rise, 3) as varchar) || ': '
        || cast(round({{ ordered_sum('visible.value', 'visible.date') }}, 3) as varchar) as detail
    from rises
    inner join of_points as visible
        on rises.condition_id = visible.condition_id
        and rises.as_of_date = visible.as_of_date
        and rises.after_date < visible.date
        and rises.last_date >= visible.date
    group by rises.condition_id, rises.as_of_date, rises.rise, rises.from_date, rises.to_date
),

measured as (
    {{ claims_measured({
        'levels': [],
        'changes': [],
        'records': ['n'],
        'percentiles': ['n'],
        'mean_ratios': ['n'],
        'ranges': ['n'],
        'visits': ['n'],
        'lists': ['n', 'detail'],
        'sums': ['n'],
        'shares_of_rise': ['n', 'detail'],
    }) }}
)

select * from measured
