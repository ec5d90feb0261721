{# sessions within which the next bounce is awaited #}
{% set bounce_begins = 126 %}

with asked as (
    select * from {{ ref('int_claims__asked') }}
    where measure in ('after_shocks', 'after_troughs', 'forward', 'bounce')
),

inputs as (
    select * from {{ ref('int_claims__inputs') }}
    where condition_id in (select condition_id from asked)
),

calendar as (
    select * from {{ ref('stg_reference__calendar') }}
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
        points.date,
        points.session_number,
        points.value - earlier.value as change
    from against_points as points
    left join against_points as earlier
        on points.condition_id = earlier.condition_id
        and points.as_of_date = earlier.as_of_date
        and points.back + 1 = earlier.back
),

-- events on which something follows: a change far outside those of the year before, or the trough of a fall
shocks as (
    select
        asked.condition_id,
        asked.as_of_date,
        daily.session_number,
        daily.date,
        asked.size,
        daily.change,
        avg(daily.change) over year_before as year_mean,
        stddev_samp(daily.change) over year_before as year_deviation,
        count(daily.change) over year_before as year_changes
    from asked
    inner join daily on asked.condition_id = daily.condition_id and asked.as_of_date = daily.as_of_date
    where asked.measure = 'after_shocks'
    window
        year_before as (
            partition by asked.condition_id, asked.as_of_date
            order by daily.session_number
            rows between 252 preceding and 1 preceding
        )
),

highs as (
    select
        asked.condition_id,
        asked.as_of_date,
        asked.size,
        seen.session_number,
        seen.date,
        seen.value,
        max(seen.value) over (
            partition by asked.condition_id, asked.as_of_date
            order by seen.session_number
        ) as high
    from asked
    inner join against_points as seen
        on asked.condition_id = seen.condition_id
        and asked.as_of_date = seen.as_of_date
    where asked.measure = 'after_troughs'
),

-- from one high to the next
falls as (
    select
        condition_id,
        as_of_date,
        high,
        min_by(session_number, value) as session_number,
        min_by(date, value) as date
    from highs
    group by condition_id, as_of_date, high
    having min(value) <= high + ln(1 - max(size))
),

events as (
    select condition_id, as_of_date, session_number, date
    from shocks
    where year_changes = 252 and change - year_mean >= size * year_deviation and year_deviation > 0
    union all
    select condition_id, as_of_date, session_number, date
    from falls
),

outcomes as (
    select
        asked.condition_id,
        asked.as_of_date,
        asked.take,
        events.date,
        seen.value - starts.value as outcome,
        {{ claims_holds('seen.value - starts.value', 'asked') }} as holds
    from asked
    inner join events on asked.condition_id = events.condition_id and asked.as_of_date = events.as_of_date
    inner join of_points as starts
        on asked.condition_id = starts.condition_id
        and asked.as_of_date = starts.as_of_date
        and events.session_number = starts.session_number
    inner join of_points as seen
        on asked.condition_id = seen.condition_id
        and asked.as_of_date = seen.as_of_date
        and events.session_number + asked.sessions = seen.session_number
),

afters as (
    select
        condition_id,
        as_of_date,
        case max(take)
            when 'mean' then {{ ordered_mean('outcome', 'date') }}
            else 1.0 * count(*) filter (where outcome > 0) / count(outcome)
        end as value,
        min(date) as from_date,
        max(date) as to_date,
        count(outcome) as n,
        case
            when max(take) = 'mean' then 1.0 * count(*) filter (where holds) / count(outcome)
        end as base_rate,
        case
            when count(*) <= 12
                then {{ joined_text(
                    "cast(date as varchar) || ' ' || cast(round(outcome, 4) as varchar)", ', ', 'date'
                ) }}
        end as detail
    from outcomes
    where outcome is not null
    group by condition_id, as_of_date
),

-- the change that lies ahead of each session, as far as it is known
aheads as (
    select
        asked.condition_id,
        asked.as_of_date,
        asked.spoken_number,
        starts.session_number,
        starts.date as from_date,
        seen.date as to_date,
        seen.value - starts.value as value,
        {{ claims_holds('seen.value - starts.value', 'asked') }} as holds
    from asked
    inner join of_points as starts
        on asked.condition_id = starts.condition_id
        and asked.as_of_date = starts.as_of_date
    inner join of_points as seen
        on asked.condition_id = seen.condition_id
        and asked.as_of_date = seen.as_of_date
        and starts.session_number + asked.sessions = seen.session_number
    where asked.measure = 'forward' and starts.session_number <= asked.spoken_number
),

forward_base as (
    select
        condition_id,
        as_of_date,
        max(value) filter (where session_number = spoken_number) as value,
        max(from_date) filter (where session_number = spoken_number) as from_date,
        max(to_date) filter (where session_number = spoken_number) as to_date,
        count(value) filter (where session_number < spoken_number) as n,
        1.0 * count(*) filter (where holds and session_number < spoken_number)
        / nullif(count(value) filter (where session_number < spoken_number), 0) as base_rate
    from aheads
    group by condition_id, as_of_date
),

forwards as (
    select
        asked.condition_id,
        asked.as_of_date,
        forward_base.value,
        forward_base.from_date,
        forward_base.to_date,
        forward_base.n,
        forward_base.base_rate,
        sessions.date as resolves_at
    from asked
    left join forward_base
        on asked.condition_id = forward_base.condition_id
        and asked.as_of_date = forward_base.as_of_date
    left join calendar as sessions
        on asked.spoken_number + asked.sessions = sessions.xnys_number
        and sessions.is_xnys_session
    where asked.measure = 'forward'
),

-- from each session on, the first close that lies so far above the lowest one since then
paths as (
    select
        asked.condition_id,
        asked.as_of_date,
        asked.size,
        starts.session_number as start_number,
        seen.session_number,
        seen.value,
        min(seen.value) over (
            partition by asked.condition_id, asked.as_of_date, starts.session_number
            order by seen.session_number
        ) as low
    from asked
    inner join of_points as starts
        on asked.condition_id = starts.condition_id
        and asked.as_of_date = starts.as_of_date
    inner join of_points as seen
        on asked.condition_id = seen.condition_id
        and asked.as_of_date = seen.as_of_date
        and starts.session_number <= seen.session_number
        and starts.session_number + {{ bounce_begins }} >= seen.session_number
    where asked.measure = 'bounce' and starts.session_number <= asked.spoken_number
),

first_bounces as (
    select
        condition_id,
        as_of_date,
        start_number,
        min(session_number) as bounce_number
    from paths
    where value >= low + ln(1 + size)
    group by condition_id, as_of_date, start_number
),

bounces as (
    select
        first_bounces.condition_id,
        first_bounces.as_of_date,
        first_bounces.start_number,
        first_bounces.bounce_number,
        paths.low,
        paths.value as high
    from first_bounces
    inner join paths
        on first_bounces.condition_id = paths.condition_id
        and first_bounces.as_of_date = paths.as_of_date
        and first_bounces.start_number = paths.start_number
        and first_bounces.bounce_number = paths.session_number
),

-- the share of its rise that a bounce gives back within the window, once that is over
given_back as (
    select
        bounces.condition_id,
        bounces.as_of_date,
        bounces.start_number,
        bounces.bounce_number,
        case
            when count(seen.value) = max(asked.sessions)
                then (max(bounces.high) - min(seen.value)) / (max(bounces.high) - max(bounces.low))
        end as value,
        min(seen.date) as from_date,
        max(seen.date) as to_date
    from bounces
    inner join asked on bounces.condition_id = asked.condition_id and bounces.as_of_date = asked.as_of_date
    left join of_points as seen
        on bounces.condition_id = seen.condition_id
        and bounces.as_of_date = seen.as_of_date
        and bounces.bounce_number < seen.session_number
        and bounces.bounce_number + asked.sessions >= seen.session_number
    group by bounces.condition_id, bounces.as_of_date, bounces.start_number, bounces.bounce_number
),

-- many sessions wait for one bounce: it counts once, for the first of them
counted_bounces as (
    select
        *,
        row_number() over (
            partition by condition_id, as_of_date, bounce_number
            order by start_number
        ) as start_rank
    from given_back
),

bounce_base as (
    select
        asked.condition_id,
        asked.as_of_date,
        count(*) as n,
        1.0 * count(*) filter (where {{ claims_holds('counted_bounces.value', 'asked') }})
        / count(*) as base_rate
    from asked
    inner join counted_bounces
        on asked.condition_id = counted_bounces.condition_id
        and asked.as_of_date = counted_bounces.as_of_date
        and asked.spoken_number >= counted_bounces.bounce_number
    where counted_bounces.start_rank = 1 and counted_bounces.value is not null
    group by asked.condition_id, asked.as_of_date
),

resolved_bounces as (
    select
        asked.condition_id,
        asked.as_of_date,
        given_back.value,
        given_back.from_date,
        given_back.to_date,
        bounce_base.n,
        bounce_base.base_rate,
        -- while there is no bounce, when it would be over at the latest
        sessions.date as resolves_at
    from asked
    left join given_back
        on asked.condition_id = given_back.condition_id
        and asked.as_of_date = given_back.as_of_date
        and asked.spoken_number = given_back.start_number
    left join bounce_base
        on asked.condition_id = bounce_base.condition_id
        and asked.as_of_date = bounce_base.as_of_date
    left join calendar as sessions
        on coalesce(given_back.bounce_number, asked.spoken_number + {{ bounce_begins }}) + asked.sessions
        = sessions.xnys_number
        and sessions.is_xnys_session
    where asked.measure = 'bounce'
),

measured as (
    {{ claims_measured({
        'afters': ['n', 'base_rate', 'detail'],
        'forwards': ['n', 'base_rate', 'resolves_at'],
        'resolved_bounces': ['n', 'base_rate', 'resolves_at'],
    }) }}
)

select * from measured
