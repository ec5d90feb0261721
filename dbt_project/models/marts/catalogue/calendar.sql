with calendar as (
    select * from {{ ref('stg_reference__calendar') }}
)

select
    date,
    is_xnys_session,
    is_federal_business_day,
    is_bond_business_day,
    is_early_close,
    xnys_close_at,
    as_of_at,
    xnys_number,
    federal_number,
    bond_number,
    previous_xnys_session,
    next_xnys_session,
    next_federal_business_day,
    next_bond_business_day
from calendar
order by date
