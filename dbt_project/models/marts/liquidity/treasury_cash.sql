with statements as (
    select * from {{ ref('stg_fiscal_data__operating_cash_balance') }}
)

select
    record_date,
    tga_open_bn,
    tga_close_bn,
    deposits_bn,
    withdrawals_bn,
    cast(statement_era as integer) as statement_era,
    known_at
from statements
order by record_date
