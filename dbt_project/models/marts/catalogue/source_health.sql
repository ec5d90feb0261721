with datasets as (
    select * from {{ ref('stg_reference__datasets') }}
),

series as (
    select * from {{ ref('stg_reference__series') }}
),

instruments as (
    select * from {{ ref('stg_reference__instruments') }}
),

as_of as (
    select * from {{ ref('stg_reference__as_of') }}
),

calendar as (
    select * from {{ ref('stg_reference__calendar') }}
),

sessions as (
    select * from {{ ref('int_calendar__sessions') }}
),

fred as (
    select * from {{ ref('stg_fred__observations') }}
),

statements as (
    select * from {{ ref('stg_fiscal_data__operating_cash_balance') }}
),

deposits_withdrawals as (
    select * from {{ ref('stg_fiscal_data__deposits_withdrawals') }}
),

public_debt_transactions as (
    select * from {{ ref('stg_fiscal_data__public_debt_transactions') }}
),

auctions as (
    select * from {{ ref('stg_fiscal_data__auctions') }}
),

upcoming_auctions as (
    select * from {{ ref('stg_fiscal_data__upcoming_auctions') }}
),

bars as (
    select * from {{ ref('stg_prices__bars') }}
),

spells as (
    select * from {{ ref('stg_membership__spells') }}
),

companies as (
    select * from {{ ref('stg_membership__companies') }}
),

exchange_breadth as (
    select * from {{ ref('stg_exchange__breadth') }}
),

regime_path as (
    select * from {{ ref('stg_sample__regime_path') }}
),

today as (
    select as_of.as_of_date, calendar.xnys_number as session_number
    from as_of
    inner join calendar on as_of.as_of_date = calendar.date
),

last_year as (
    select sessions.date
    from sessions
    cross join today
    where sessions.session_number > today.session_number - 252
),

series_facts as (
    select
        fred.series_id,
        max(fred.observation_date) as latest_observation,
        count(distinct fred.observation_date) as row_count,
        count(distinct last_year.date) as covered
    from fred
    left join last_year on fred.observation_date = last_year.date
    where fred.value is not null
    group by fred.series_id
),

statement_facts as (
    select
        max(statements.record_date) as latest_observation,
        count(*) as row_count,
        count(last_year.date) as covered
    from statements
    left join last_year on statements.record_date = last_year.date
    where statements.tga_close_bn is not null
),

flow_facts as (
    select
        max(deposits_withdrawals.record_date) as latest_observation,
        count(*) as row_count,
        count(distinct last_year.date) as covered
    from deposits_withdrawals
    left join last_year on deposits_withdrawals.record_date = last_year.date
    where deposits_withdrawals.amount_bn is not null
),

debt_facts as (
    select
        max(public_debt_transactions.record_date) as latest_observation,
        count(*) as row_count,
        count(distinct last_year.date) as covered
    from public_debt_transactions
    left join last_year on public_debt_transactions.record_date = last_year.date
    where public_debt_transactions.amount_bn is not null
),

required_bars as (
    select count(*) as covered
    from bars
    inner join instruments on bars.symbol = instruments.symbol and instruments.required
    inner join last_year on bars.date = last_year.date
    where bars.close is not null
),

required_instruments as (
    select count(*) as instruments
    from instruments
    where required
),

exchange_facts as (
    select
        max(exchange_breadth.date) as latest_observation,
        count(*) as row_count,
        count(distinct last_year.date) as covered
    from exchange_breadth
    left join last_year on exchange_breadth.date = last_year.date
),

price_facts as (
    select
        max(bars.date) as latest_observation,
        count(*) as row_count
    from bars
    where bars.close is not null
),

price_coverage as (
    select required_bars.covered / (252.0 * nullif(required_instruments.instruments, 0)) as coverage
    from required_bars
    cross join required_instruments
),

dataset_facts as (
    select
        'fred_observations' as dataset,
        max(latest_observation) as latest_observation,
        sum(row_count) as row_count,
        cast(null as double) as coverage
    from series_facts
    union all
    select
        'operating_cash_balance' as dataset,
        latest_observation,
        row_count,
        covered / 252.0 as coverage
    from statement_facts
    union all
    select
        'deposits_withdrawals' as dataset,
        latest_observation,
        row_count,
        covered / 252.0 as coverage
    from flow_facts
    union all
    select
        'public_debt_transactions' as dataset,
        latest_observation,
        row_count,
        covered / 252.0 as coverage
    from debt_facts
    union all
    select
        'upcoming_auctions' as dataset,
        max(record_date) as latest_observation,
        count(*) as row_count,
        null as coverage
    from upcoming_auctions
    union all
    select
        'auctions' as dataset,
        max(announcement_date) as latest_observation,
        count(*) as row_count,
        null as coverage
    from auctions
    union all
    select
        'prices' as dataset,
        price_facts.latest_observation,
        price_facts.row_count,
        price_coverage.coverage
    from price_facts
    cross join price_coverage
    union all
    select
        'index_membership' as dataset,
        max(start_date) as latest_observation,
        count(*) as row_count,
        null as coverage
    from spells
    union all
    select
        'companies' as dataset,
        cast(null as date) as latest_observation,
        count(*) as row_count,
        null as coverage
    from companies
    union all
    select
        'exchange_breadth' as dataset,
        latest_observation,
        row_count,
        covered / 252.0 as coverage
    from exchange_facts
    union all
    select
        'regime_path' as dataset,
        max(date) as latest_observation,
        count(*) as row_count,
        null as coverage
    from regime_path
),

subjects as (
    select
        datasets.source,
        datasets.dataset,
        datasets.offered,
        datasets.required,
        datasets.max_age_sessions,
        dataset_facts.latest_observation,
        coalesce(dataset_facts.row_count, 0) as row_count,
        dataset_facts.coverage
    from datasets
    left join dataset_facts on datasets.dataset = dataset_facts.dataset
    union all
    select
        datasets.source,
        'fred_observations/' || series.series_id as dataset,
        datasets.offered,
        series.required,
        series.max_age_sessions,
        series_facts.latest_observation,
        coalesce(series_facts.row_count, 0) as row_count,
        case when series.frequency = 'daily' then series_facts.covered / 252.0 end as coverage
    from series
    inner join datasets on datasets.dataset = 'fred_observations'
    left join series_facts on series.series_id = series_facts.series_id
),

-- a limit in sessions is a date: the oldest session that is still young enough
aged as (
    select
        subjects.*,
        today.as_of_date,
        today.session_number - observed.xnys_number as age_sessions,
        {{ days_between('subjects.latest_observation', 'today.as_of_date') }} as age_days,
        {{ days_between('oldest.date', 'today.as_of_date') }} as max_age_days
    from subjects
    cross join today
    left join calendar as observed on subjects.latest_observation = observed.date
    left join sessions as oldest on today.session_number - subjects.max_age_sessions = oldest.session_number
)

select
    source,
    dataset,
    latest_observation,
    cast(age_days as integer) as age_days,
    cast(max_age_days as integer) as max_age_days,
    cast(age_sessions as integer) as age_sessions,
    cast(max_age_sessions as integer) as max_age_sessions,
    cast(row_count as bigint) as rows,
    cast(case when row_count > 0 then 100 * coverage end as double) as coverage_pct,
    required,
    case
        when not offered then 'not_offered'
        when row_count = 0 then 'missing'
        when age_sessions > max_age_sessions then 'stale'
        else 'ok'
    end as status
from aged
order by dataset
