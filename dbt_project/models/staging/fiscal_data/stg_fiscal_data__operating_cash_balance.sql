with versions as (
    select * from {{ ref('stg_fiscal_data__operating_cash_balance_versions') }}
),

ranked as (
    select
        *,
        row_number() over (partition by record_date order by known_at desc) as version_rank
    from versions
),

current_versions as (
    select
        record_date,
        tga_open_bn,
        tga_close_bn,
        deposits_bn,
        withdrawals_bn,
        statement_era,
        known_at
    from ranked
    where version_rank = 1 and not is_void
)

select * from current_versions
