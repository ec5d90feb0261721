with lines as (
    select * from {{ ref('stg_fiscal_data__deposits_withdrawals_lines') }}
),

components as (
    select
        record_date,
        account,
        transaction_type,
        category,
        description,
        amount_bn,
        is_public_debt,
        line_number,
        known_at
    from lines
    where not is_account_total and not is_subtotal
)

select * from components
