with instruments as (
    select * from {{ ref('stg_reference__instruments') }}
),

spells as (
    select * from {{ ref('stg_membership__spells') }}
),

companies as (
    select * from {{ ref('stg_membership__companies') }}
),

bars as (
    select * from {{ ref('stg_prices__bars') }}
),

members as (
    select distinct symbol
    from spells
    where symbol not in (select symbol from instruments)
),

stocks as (
    select
        members.symbol,
        companies.name,
        'stock' as kind,
        'equity' as asset_class,
        companies.sector,
        'index_member' as role,
        false as required,
        'Is or was a member of the index' as description
    from members
    left join companies on members.symbol = companies.symbol
),

listed as (
    select symbol, name, kind, asset_class, sector, role, required, description
    from instruments
    union all
    select symbol, name, kind, asset_class, sector, role, required, description
    from stocks
),

spans as (
    select
        symbol,
        min(date) as first_date,
        max(date) as last_date,
        count(*) as bars
    from bars
    where close is not null
    group by symbol
)

select
    listed.symbol,
    listed.name,
    listed.kind,
    listed.asset_class,
    listed.sector,
    listed.role,
    listed.required,
    listed.description,
    spans.first_date,
    spans.last_date,
    cast(coalesce(spans.bars, 0) as bigint) as bars
from listed
left join spans on listed.symbol = spans.symbol
order by listed.symbol
