with ledger as (
    select * from {{ ref('int_claims__ledger') }}
)

select condition_id, article_id, 'of' as role, of_series as series
from ledger
where of_series is not null
union all
select condition_id, article_id, 'against' as role, against_series as series
from ledger
where against_series is not null
union all
select condition_id, article_id, 'less' as role, less_series as series
from ledger
where less_series is not null
union all
select condition_id, article_id, 'member' as role, {{ unnest_list(split_text('members', '|')) }} as series
from ledger
where members is not null
