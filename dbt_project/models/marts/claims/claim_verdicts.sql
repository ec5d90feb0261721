with claims as (
    select * from {{ ref('claims') }}
),

evaluations as (
    select * from {{ ref('int_claims__evaluations') }}
),

ledger as (
    select * from {{ ref('int_claims__ledger') }}
),

articles as (
    select distinct article_id, published
    from ledger
),

counted as (
    select
        claim_id,
        as_of_date,
        max(article_id) as article_id,
        max(statement) as statement,
        max(kind) as kind,
        count(*) as definitions,
        count(*) filter (where verdict = 'supported') as supporting,
        count(*) filter (where verdict = 'contradicted') as contradicting,
        count(*) filter (where verdict = 'pending') as pending,
        min(resolves_at) filter (where verdict = 'pending') as next_resolves_at,
        max(resolves_at) as last_resolves_at,
        bool_or(is_simulated) as is_simulated
    from claims
    group by claim_id, as_of_date
)

select
    counted.claim_id,
    counted.as_of_date,
    counted.article_id,
    articles.published as article_date,
    evaluations.spoken_date,
    counted.statement,
    counted.kind,
    -- what is not decided yet has no say
    case
        when counted.supporting > 0 and counted.contradicting > 0 then 'mixed'
        when counted.supporting > 0 then 'supported'
        when counted.contradicting > 0 then 'contradicted'
        when counted.pending > 0 then 'pending'
        else 'not_testable'
    end as verdict,
    cast(counted.definitions as integer) as definitions,
    cast(counted.supporting as integer) as supporting,
    cast(counted.contradicting as integer) as contradicting,
    cast(counted.pending as integer) as pending,
    coalesce(counted.next_resolves_at, counted.last_resolves_at) as resolves_at,
    counted.is_simulated
from counted
inner join articles on counted.article_id = articles.article_id
inner join evaluations
    on counted.article_id = evaluations.article_id
    and counted.as_of_date = evaluations.as_of_date
order by counted.as_of_date, counted.claim_id
