with lines as (
    select * from {{ ref('stg_fiscal_data__deposits_withdrawals_lines') }}
),

totals as (
    select
        record_date,
        account,
        transaction_type,
        coalesce(category, description) as title,
        amount_bn,
        is_account_total,
        line_number,
        known_at
    from lines
    where is_account_total or is_subtotal
)

select * from totals
