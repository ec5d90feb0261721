with dimensions as (
    select * from {{ ref('int_regime__dimensions') }}
),

rules as (
    select * from {{ ref('int_regime__rules') }}
),

risk_weights as (
    select * from {{ ref('risk_weights') }}
),

risks as (
    select
        dimensions.model_version,
        dimensions.date,
        sum(case when dimensions.score is not null then risk_weights.weight end) as risk_coverage,
        {{ ordered_sum(
            'cast(risk_weights.weight as double) * (100 - dimensions.score)', 'dimensions.dimension'
        ) }} as weighted_risk
    from dimensions
    inner join risk_weights
        on dimensions.model_version = risk_weights.model_version
        and dimensions.dimension = risk_weights.dimension
    group by dimensions.model_version, dimensions.date
),

sessions as (
    select
        model_version,
        date,
        session_number,
        coverage,
        is_published,
        {{ joined_text('case when score is null then dimension end', ', ', 'dimension') }}
            as missing_dimensions,
        {{ ordered_list('score', 'dimension') }} as scores,
        50 + {{ ordered_sum('contribution', 'dimension') }} as raw_score
    from dimensions
    group by model_version, date, session_number, coverage, is_published
),

by_version as (
    select
        sessions.model_version,
        {{ ordered_list('sessions.date', 'sessions.session_number') }} as dates,
        {{ ordered_list('sessions.session_number', 'sessions.session_number') }} as session_numbers,
        {{ ordered_list('sessions.scores', 'sessions.session_number') }} as scores,
        {{ ordered_list('sessions.raw_score', 'sessions.session_number') }} as raw_scores,
        {{ ordered_list(
            'case when risks.risk_coverage >= rules.min_coverage'
            ' then risks.weighted_risk / cast(risks.risk_coverage as double) end',
            'sessions.session_number',
        ) }} as risks
    from sessions
    inner join rules on sessions.model_version = rules.model_version
    left join risks on sessions.model_version = risks.model_version and sessions.date = risks.date
    group by sessions.model_version
),

smoothed as (
    select
        by_version.model_version,
        by_version.dates,
        {{ kernel('ema', [
            'by_version.session_numbers', 'by_version.raw_scores', 'rules.smoothing_span',
        ]) }} as pulses,
        {{ kernel('ema', [
            'by_version.session_numbers', 'by_version.risks', 'rules.smoothing_span',
        ]) }} as risks,
        {{ kernel('weight_band', [
            'by_version.scores', 'by_version.raw_scores', 'rules.smoothing_span', 'rules.band_draws',
            'rules.band_seed', 'rules.band_low', 'rules.band_high',
        ]) }} as bands
    from by_version
    inner join rules on by_version.model_version = rules.model_version
),

stated as (
    select
        smoothed.*,
        {{ kernel('pulse_direction', [
            'smoothed.pulses', 'rules.bullish_enter', 'rules.bullish_leave', 'rules.bearish_enter',
            'rules.bearish_leave', 'rules.direction_dwell',
        ]) }} as directions,
        {{ kernel('threat_level', [
            'smoothed.risks', 'rules.threat_cuts', 'rules.threat_margin', 'rules.threat_dwell',
        ]) }} as threats
    from smoothed
    inner join rules on smoothed.model_version = rules.model_version
),

rows_of_it as (
    select
        model_version,
        {{ unnest_list('dates') }} as date,
        {{ unnest_list('pulses') }} as pulse,
        {{ unnest_list('bands.low') }} as pulse_low,
        {{ unnest_list('bands.high') }} as pulse_high,
        {{ unnest_list('risks') }} as risk_score,
        {{ unnest_list('directions') }} as direction_number,
        {{ unnest_list('threats') }} as threat_level
    from stated
)

select
    sessions.model_version,
    sessions.date,
    sessions.session_number,
    sessions.coverage,
    sessions.missing_dimensions,
    sessions.raw_score,
    rows_of_it.pulse,
    rows_of_it.pulse_low,
    rows_of_it.pulse_high,
    rows_of_it.risk_score,
    case rows_of_it.direction_number when 1 then 'bullish' when 0 then 'neutral' when -1 then 'bearish' end
        as direction,
    cast(rows_of_it.threat_level as integer) as threat_level
from sessions
inner join rows_of_it
    on sessions.model_version = rows_of_it.model_version
    and sessions.date = rows_of_it.date
