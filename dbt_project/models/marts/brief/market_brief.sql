with facts as (
    select * from {{ ref('int_brief__facts') }}
),

written as (
    select
        *,
        {{ kernel('market_brief_text', ['facts']) }} as text
    from facts
)

select
    as_of_date,
    text.headline,
    direction,
    pulse,
    risk_label,
    threat_level,
    text.body_markdown,
    facts
from written
order by as_of_date
