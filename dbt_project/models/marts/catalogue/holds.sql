with holds as (
    select * from {{ ref('stg_screening__holds') }}
)

select
    dataset,
    key,
    rule,
    hold_id,
    observation_date,
    source,
    held_columns,
    {{ finite('value') }} as value,
    {{ finite('other_value') }} as other_value,
    finding,
    found_at,
    status,
    decision_id,
    decision,
    decided_at,
    decided_by,
    reason,
    reference,
    known_at
from holds
order by dataset, observation_date, key, rule
