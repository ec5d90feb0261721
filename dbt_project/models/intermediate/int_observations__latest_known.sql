with versions as (
    select * from {{ ref('int_observations__versions') }}
),

sessions as (
    select * from {{ ref('int_calendar__sessions') }}
),

calendar as (
    select * from {{ ref('stg_reference__calendar') }}
),

lives as (
    select
        *,
        lead(known_at) over (partition by series_id, observation_date order by known_at) as replaced_at,
        max(case when value is null then known_at end) over (
            partition by series_id, observation_date
        ) as withdrawn_at
    from versions
),

-- an observation that a later version blanked was visible until then; what lies before it must come back
withdrawn as (
    select
        series_id,
        observation_date,
        value,
        known_at,
        replaced_at,
        max_age_sessions
    from lives
    where value is not null and known_at < withdrawn_at
),

lasting as (
    select
        *,
        max(observation_date) over (partition by series_id order by known_at) as newest_date
    from lives
    where value is not null and (withdrawn_at is null or known_at > withdrawn_at)
),

-- the moments at which the newest known observation is another one or has another value
changes as (
    select
        series_id,
        observation_date,
        value,
        known_at,
        max_age_sessions
    from lasting
    where observation_date = newest_date
),

series as (
    select distinct series_id from changes
),

session_series as (
    select
        sessions.date,
        sessions.session_number,
        sessions.as_of_at,
        series.series_id
    from sessions
    cross join series
),

seen as (
    select
        session_series.date,
        session_series.session_number,
        changes.series_id,
        changes.observation_date,
        changes.value,
        changes.known_at,
        changes.max_age_sessions
    from session_series
    {{ asof_join() }} changes
        on session_series.series_id = changes.series_id
        and session_series.as_of_at >= changes.known_at
    union all
    select
        sessions.date,
        sessions.session_number,
        withdrawn.series_id,
        withdrawn.observation_date,
        withdrawn.value,
        withdrawn.known_at,
        withdrawn.max_age_sessions
    from sessions
    inner join withdrawn
        on sessions.as_of_at >= withdrawn.known_at
        and sessions.as_of_at < withdrawn.replaced_at
),

ranked as (
    select
        *,
        row_number() over (
            partition by date, series_id
            order by observation_date desc, known_at desc
        ) as recency_rank
    from seen
),

aged as (
    select
        ranked.date,
        ranked.series_id,
        ranked.observation_date,
        ranked.known_at,
        ranked.session_number - calendar.xnys_number as age_sessions,
        case
            when ranked.session_number - calendar.xnys_number <= ranked.max_age_sessions then ranked.value
        end as value
    from ranked
    inner join calendar on ranked.observation_date = calendar.date
    where ranked.recency_rank = 1
)

select * from aged
