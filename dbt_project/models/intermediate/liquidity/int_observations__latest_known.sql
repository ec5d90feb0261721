with versions as (
    select * from {{ ref('int_observations__versions') }}
),

sessions as (
    select * from {{ ref('int_calendar__sessions') }}
),

calendar as (
    select * from {{ ref('stg_reference__calendar') }}
),

blanks as (
    select
        series_id,
        observation_date,
        max(known_at) as withdrawn_at
    from versions
    where value is null
    group by series_id, observation_date
),

-- an observation that a later version blanked was visible until then; what lies before it must come back
lives as (
    select
        versions.*,
        blanks.withdrawn_at,
        lead(versions.known_at) over (
            partition by versions.series_id, versions.observation_date
            order by versions.known_at
        ) as replaced_at
    from versions
    inner join blanks
        on versions.series_id = blanks.series_id
        and versions.observation_date = blanks.observation_date
),

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
    select versions.*
    from versions
    left join blanks
        on versions.series_id = blanks.series_id
        and versions.observation_date = blanks.observation_date
    where
        versions.value is not null
        and (blanks.withdrawn_at is null or versions.known_at > blanks.withdrawn_at)
),

-- a vintage can bring a whole history: the moments are few where the versions are millions
moments as (
    select
        series_id,
        known_at,
        max(observation_date) as observation_date
    from lasting
    group by series_id, known_at
),

newest as (
    select
        series_id,
        known_at,
        max(observation_date) over (partition by series_id order by known_at) as newest_date
    from moments
),

-- the moments at which the newest known observation is another one or has another value
changes as (
    select
        lasting.series_id,
        lasting.observation_date,
        lasting.value,
        lasting.known_at,
        lasting.max_age_sessions
    from lasting
    inner join newest
        on lasting.series_id = newest.series_id
        and lasting.known_at = newest.known_at
        and lasting.observation_date = newest.newest_date
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
