with rules as (
    select
        model_version,
        'threshold' as kind,
        rule,
        value,
        unit,
        cast(null as varchar) as condition,
        rationale
    from {{ ref('regime_thresholds') }}
    union all
    select
        model_version,
        'weight' as kind,
        'weight.' || dimension as rule,
        cast(weight as double) as value,
        'share' as unit,
        cast(null as varchar) as condition,
        rationale
    from {{ ref('regime_dimensions') }}
    union all
    select
        model_version,
        'risk_weight' as kind,
        'risk_weight.' || dimension as rule,
        cast(weight as double) as value,
        'share' as unit,
        cast(null as varchar) as condition,
        rationale
    from {{ ref('risk_weights') }}
    union all
    select
        model_version,
        'feature' as kind,
        'feature.' || feature as rule,
        cast(null as double) as value,
        cast(null as varchar) as unit,
        dimension || ': ' || sign || ' ' || measure as condition,
        rationale
    from {{ ref('regime_feature_rules') }}
    union all
    select
        model_version,
        'regime' as kind,
        'regime.' || priority || '.' || regime || '.' || alternative || coalesce('.' || variable, '') as rule,
        threshold as value,
        'points' as unit,
        coalesce(variable || ' ' || operator || ' ' || threshold, 'otherwise') as condition,
        rationale
    from {{ ref('regime_conditions') }}
)

select * from rules
order by model_version, kind, rule
