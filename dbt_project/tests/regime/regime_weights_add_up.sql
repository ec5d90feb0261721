with weights as (
    select
        'regime_dimensions' as seed,
        model_version,
        sum(weight) as weight
    from {{ ref('regime_dimensions') }}
    group by model_version
    union all
    select
        'risk_weights' as seed,
        model_version,
        sum(weight) as weight
    from {{ ref('risk_weights') }}
    group by model_version
)

select * from weights
where weight <> 1
