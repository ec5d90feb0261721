with latest_known as (
    select * from {{ ref('int_observations__latest_known') }}
),

prices as (
    select * from {{ ref('stg_prices__bars') }}
    where symbol = '^VIX'
),

sessions as (
    select * from {{ ref('int_calendar__sessions') }}
),

observed as (
    select
        date,
        max(value) filter (where series_id = 'DGS3MO') as dgs3mo,
        max(observation_date) filter (where series_id = 'DGS3MO') as dgs3mo_date,
        max(value) filter (where series_id = 'DGS2') as dgs2,
        max(observation_date) filter (where series_id = 'DGS2') as dgs2_date,
        max(value) filter (where series_id = 'DGS10') as dgs10,
        max(observation_date) filter (where series_id = 'DGS10') as dgs10_date,
        max(value) filter (where series_id = 'BAMLH0A0HYM2') as hy_oas,
        max(observation_date) filter (where series_id = 'BAMLH0A0HYM2') as hy_oas_date,
        max(value) filter (where series_id = 'BAMLC0A0CM') as ig_oas,
        max(observation_date) filter (where series_id = 'BAMLC0A0CM') as ig_oas_date,
        max(value) filter (where series_id = 'SOFR') as sofr,
        max(observation_date) filter (where series_id = 'SOFR') as sofr_date,
        max(value) filter (where series_id = 'EFFR') as effr,
        max(observation_date) filter (where series_id = 'EFFR') as effr_date,
        max(value) filter (where series_id = 'DFF') as dff,
        max(observation_date) filter (where series_id = 'DFF') as dff_date,
        max(value) filter (where series_id = 'VIXCLS') as vixcls,
        max(observation_date) filter (where series_id = 'VIXCLS') as vixcls_date
    from latest_known
    group by date
),

-- the price source knows the session's close the same evening, FRED the next morning
on_sessions as (
    select
        sessions.date,
        observed.dgs3mo,
        observed.dgs3mo_date,
        observed.dgs2,
        observed.dgs2_date,
        observed.dgs10,
        observed.dgs10_date,
        observed.hy_oas,
        observed.hy_oas_date,
        observed.ig_oas,
        observed.ig_oas_date,
        observed.sofr,
        observed.sofr_date,
        coalesce(observed.effr, observed.dff) as effr,
        case when observed.effr is not null then observed.effr_date else observed.dff_date end as effr_date,
        coalesce(prices.close, observed.vixcls) as vix,
        case when prices.close is not null then prices.date else observed.vixcls_date end as vix_date,
        observed.date is not null or prices.close is not null as is_known
    from sessions
    left join observed on sessions.date = observed.date
    left join prices on sessions.date = prices.date
),

first_known as (
    select min(date) as date
    from on_sessions
    where is_known
)

select
    date,
    dgs3mo,
    dgs2,
    dgs10,
    case when dgs10_date = dgs2_date then dgs10 - dgs2 end as curve_10y2y_pp,
    case when dgs10_date = dgs3mo_date then dgs10 - dgs3mo end as curve_10y3m_pp,
    hy_oas as hy_oas_pp,
    ig_oas as ig_oas_pp,
    sofr,
    effr,
    case when sofr_date = effr_date then sofr - effr end as sofr_effr_pp,
    vix,
    dgs3mo_date,
    dgs2_date,
    dgs10_date,
    hy_oas_date,
    ig_oas_date,
    sofr_date,
    effr_date,
    vix_date
from on_sessions
-- a session of which nothing is known, as all of it is on hold, has its row
where date >= (select date from first_known)
order by date
