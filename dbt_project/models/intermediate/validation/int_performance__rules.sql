with thresholds as (
    select * from {{ ref('performance_rules') }}
),

rules as (
    select
        {% for rule in ['block_sessions', 'draws', 'min_blocks', 'median_min', 'fit_min'] %}
            cast(max(value) filter (where rule = '{{ rule }}') as integer) as {{ rule }},
        {% endfor %}
        {% for rule in ['interval_low', 'interval_high', 'loss', 'jump_penalty'] %}
            max(value) filter (where rule = '{{ rule }}') as {{ rule }},
        {% endfor %}
        cast(max(value) filter (where rule = 'seed') as bigint) as seed
    from thresholds
)

select * from rules
