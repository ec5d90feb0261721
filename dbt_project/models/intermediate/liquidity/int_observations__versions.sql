with fred as (
    select * from {{ ref('stg_fred__observations') }}
),

statements as (
    select * from {{ ref('stg_fiscal_data__operating_cash_balance_versions') }}
),

series as (
    select * from {{ ref('stg_reference__series') }}
),

datasets as (
    select * from {{ ref('stg_reference__datasets') }}
),

calendar as (
    select * from {{ ref('stg_reference__calendar') }}
),

-- DFF repeats the last rate on weekends and holidays: only its business days are observations
fred_versions as (
    select
        fred.series_id,
        fred.observation_date,
        fred.value,
        fred.known_at,
        series.max_age_sessions
    from fred
    inner join series on fred.series_id = series.series_id
    inner join calendar on fred.observation_date = calendar.date
    where fred.series_id <> 'DFF' or calendar.is_federal_business_day
),

statement_versions as (
    select
        'TGA' as series_id,
        statements.record_date as observation_date,
        statements.tga_close_bn as value,
        statements.known_at,
        datasets.max_age_sessions
    from statements
    inner join datasets on datasets.dataset = 'operating_cash_balance'
),

versions as (
    select * from fred_versions
    union all
    select * from statement_versions
)

select * from versions
