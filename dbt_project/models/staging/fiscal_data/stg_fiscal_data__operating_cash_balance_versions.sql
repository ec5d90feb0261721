{{ config(materialized='table') }}

with source as (
    select * from {{ source('raw', 'operating_cash_balance') }}
),

as_of as (
    select * from {{ source('ref', 'as_of') }}
),

-- one row in eras 1 and 2, four in era 3; programme and Tax and Loan accounts are not the TGA
account_rows as (
    select
        source.record_date,
        source.account_type,
        case
            when source.account_type = 'Federal Reserve Account' then 1
            when source.account_type = 'Treasury General Account (TGA)' then 2
            when source.account_type = 'Treasury General Account (TGA) Opening Balance' then 3
            when source.account_type = 'Total TGA Deposits (Table II)' then 3
            when source.account_type = 'Total TGA Withdrawals (Table II) (-)' then 3
            when source.account_type = 'Treasury General Account (TGA) Closing Balance' then 3
        end as era,
        source.open_today_bal / 1000 as open_today_bn,
        source.close_today_bal / 1000 as close_today_bn,
        coalesce(source.is_void, false) as is_void,
        source.known_at,
        source.fetched_at
    from source
    cross join as_of
    where source.known_at <= as_of.as_of_at
),

tga_rows as (
    select * from account_rows
    where era is not null
),

moments as (
    select distinct record_date, known_at
    from tga_rows
),

-- a restatement may bring one of the four rows alone: a version is the statement as it stood at that moment;
-- a void row leaves its cell empty from then on
as_it_stood as (
    select
        moments.record_date,
        moments.known_at,
        tga_rows.account_type,
        tga_rows.era,
        tga_rows.open_today_bn,
        tga_rows.close_today_bn,
        tga_rows.is_void,
        row_number() over (
            partition by moments.record_date, moments.known_at, tga_rows.account_type
            order by tga_rows.known_at desc, tga_rows.fetched_at desc
        ) as version_rank
    from moments
    inner join tga_rows
        on moments.record_date = tga_rows.record_date
        and moments.known_at >= tga_rows.known_at
),

canonical as (
    select
        record_date,
        max(case
            when era in (1, 2) then open_today_bn
            when account_type = 'Treasury General Account (TGA) Opening Balance' then open_today_bn
        end) as tga_open_bn,
        -- era 3 prints the closing balance in the opening column of a row of its own
        max(case
            when era in (1, 2) then close_today_bn
            when account_type = 'Treasury General Account (TGA) Closing Balance' then open_today_bn
        end) as tga_close_bn,
        max(case when account_type = 'Total TGA Deposits (Table II)' then open_today_bn end) as deposits_bn,
        max(case
            when account_type = 'Total TGA Withdrawals (Table II) (-)' then open_today_bn
        end) as withdrawals_bn,
        max(era) as statement_era,
        bool_and(is_void) as is_void,
        known_at
    from as_it_stood
    where version_rank = 1
    group by record_date, known_at
)

select * from canonical
