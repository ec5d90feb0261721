with members as (
    select * from {{ ref('int_membership__daily') }}
),

bases as (
    select * from {{ ref('int_prices__bases') }}
),

counts as (
    select
        members.index_id as universe,
        members.date,
        count(*) filter (where bases.basis = 'split_adjusted') as as_traded,
        count(*) as told
    from members
    inner join bases
        on members.symbol = bases.symbol
        and members.date >= bases.from_date
        and members.date < bases.until_date
    group by members.index_id, members.date
)

select * from counts
