with ledger as (
    select * from {{ ref('int_claims__ledger') }}
),

evaluations as (
    select * from {{ ref('int_claims__evaluations') }}
),

measures as (
    select * from {{ ref('int_claims__measures') }}
),

inputs as (
    select * from {{ ref('int_claims__inputs') }}
),

condition_series as (
    select * from {{ ref('int_claims__condition_series') }}
),

series as (
    select * from {{ ref('int_claims__series') }}
),

as_of as (
    select * from {{ ref('stg_reference__as_of') }}
),

-- the last values of what a measure is made of, and those where its window begins and ends
inputs_as_json as (
    select
        inputs.condition_id,
        inputs.as_of_date,
        {{ json_list(
            json_text({
                'series': 'inputs.series',
                'date': 'cast(inputs.date as varchar)',
                'value': 'inputs.value',
                'observation_date': 'cast(inputs.observation_date as varchar)',
                'known_at': 'cast(inputs.known_at as varchar)',
            }),
            'inputs.role desc, inputs.series, inputs.date'
        ) }} as inputs
    from inputs
    left join measures
        on inputs.condition_id = measures.condition_id
        and inputs.as_of_date = measures.as_of_date
    where inputs.back = 0 or inputs.date = measures.from_date or inputs.date = measures.to_date
    group by inputs.condition_id, inputs.as_of_date
),

spans as (
    select series, max(date) as last_date
    from series
    where value is not null
    group by series
),

-- series without a value at the as-of
unknown as (
    select
        condition_series.condition_id,
        evaluations.as_of_date,
        {{ joined_text(
            "condition_series.series || case when spans.last_date is null then ' (nothing is loaded)' else '' end",
            ', ', 'condition_series.series'
        ) }} as unknown_series
    from condition_series
    inner join evaluations on condition_series.article_id = evaluations.article_id
    left join spans on condition_series.series = spans.series
    left join inputs
        on condition_series.condition_id = inputs.condition_id
        and condition_series.role = inputs.role
        and condition_series.series = inputs.series
        and evaluations.as_of_date = inputs.as_of_date
        and inputs.back = 0
    where inputs.value is null
    group by condition_series.condition_id, evaluations.as_of_date
),

conditions as (
    select
        ledger.*,
        evaluations.as_of_date,
        evaluations.spoken_date,
        evaluations.is_due,
        {{ finite('cast(measures.value as double)') }} as value,
        measures.from_date,
        measures.to_date,
        measures.n,
        {{ finite('measures.ci_low') }} as ci_low,
        {{ finite('measures.ci_high') }} as ci_high,
        measures.base_rate,
        measures.resolves_at,
        measures.detail,
        unknown.unknown_series,
        inputs_as_json.inputs
    from ledger
    inner join evaluations on ledger.article_id = evaluations.article_id
    left join measures
        on ledger.condition_id = measures.condition_id
        and evaluations.as_of_date = measures.as_of_date
    left join unknown
        on ledger.condition_id = unknown.condition_id
        and evaluations.as_of_date = unknown.as_of_date
    left join inputs_as_json
        on ledger.condition_id = inputs_as_json.condition_id
        and evaluations.as_of_date = inputs_as_json.as_of_date
),

judged as (
    select
        *,
        {{ claims_holds('value', 'conditions') }} as holds,
        least(value - low, high - value) as margin,
        coalesce(
            threshold, case when value - low <= high - value then low else high end
        ) as nearest_threshold,
        case
            when not_testable is not null then not_testable
            when not is_due
                then
                    'the warehouse ends on ' || cast(as_of_date as varchar) || ', the article speaks of '
                    || cast(spoken_date as varchar)
            when value is not null then null
            when unknown_series is not null
                then 'not known on ' || cast(as_of_date as varchar) || ': ' || unknown_series
            when resolves_at > as_of_date
                then 'resolves by ' || cast(resolves_at as varchar)
            else 'the history is too short for the window, or has a gap in it'
        end as reason
    from conditions
),

-- the condition that decides: of all the worst one, of any the best one
ranked as (
    select
        *,
        row_number() over (
            partition by claim_id, definition_id, as_of_date
            order by case combine when 'all' then margin else -margin end nulls last, condition_id
        ) as margin_rank
    from judged
),

definitions as (
    select
        claim_id,
        definition_id,
        as_of_date,
        min(condition_id) as first_condition_id,
        max(article_id) as article_id,
        max(statement) as statement,
        max(kind) as kind,
        case combine
            when 'all' then {{ joined_text('predicate', ' and ', 'condition_id') }}
            else {{ joined_text('predicate', ' or ', 'condition_id') }}
        end as predicate,
        max(case when margin_rank = 1 then value end) as value,
        max(case when margin_rank = 1 then nearest_threshold end) as threshold,
        max(case when margin_rank = 1 then margin end) as margin,
        case
            when max(not_testable) is not null then 'not_testable'
            when combine = 'all' and bool_or(not holds) then 'contradicted'
            when combine = 'any' and bool_or(holds) then 'supported'
            when count(holds) < count(*) then 'pending'
            when combine = 'all' then 'supported'
            else 'contradicted'
        end as decided,
        bool_and(is_due) as is_due,
        max(resolves_at) as resolves_at,
        max(base_rate) as base_rate,
        max(case when base_rate is not null then n end) as base_n,
        max(reason) as reason,
        {{ json_list(
            json_text({
                'predicate': 'predicate',
                'value': 'value',
                'holds': 'holds',
                'reason': 'reason',
                'from': 'cast(from_date as varchar)',
                'to': 'cast(to_date as varchar)',
                'n': 'n',
                'ci_low': 'ci_low',
                'ci_high': 'ci_high',
                'detail': 'detail',
                'inputs': 'inputs',
            }),
            'condition_id'
        ) }} as condition_list
    from ranked
    group by claim_id, definition_id, as_of_date, combine
),

verdicts as (
    select
        definitions.*,
        case
            when definitions.decided = 'not_testable' and definitions.is_due then 'not_testable'
            when not definitions.is_due then 'pending'
            else definitions.decided
        end as verdict,
        as_of.is_simulated
    from definitions
    cross join as_of
)

select
    claim_id,
    definition_id,
    as_of_date,
    article_id,
    statement,
    kind,
    predicate,
    case when verdict in ('supported', 'contradicted') then value end as value,
    case when verdict in ('supported', 'contradicted') then threshold end as threshold,
    case when verdict in ('supported', 'contradicted') then margin end as margin,
    verdict,
    {{ json_text({
        'simulated': 'case when is_simulated then true end',
        'reason': "case when verdict in ('pending', 'not_testable') then reason end",
        'conditions': "case when verdict <> 'not_testable' then condition_list end",
    }) }} as evidence,
    resolves_at,
    base_rate,
    cast(base_n as integer) as base_n,
    is_simulated
from verdicts
order by first_condition_id, as_of_date
