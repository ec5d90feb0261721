with hidden as (
    select * from {{ ref('int_performance__hidden') }}
),

named_regimes as (
    select distinct regime from {{ ref('sample_regimes') }}
),

numbered as (
    select
        *,
        row_number() over (partition by model_version order by as_of_date) as session,
        lag(hidden_regime) over (partition by model_version order by as_of_date) as previous
    from hidden
),

-- a stay of the hidden path begins where it changes; the first one began before the scores did
stays as (
    select
        *,
        sum(case when previous <> hidden_regime then 1 else 0 end) over (
            partition by model_version order by as_of_date
        ) as stay
    from numbered
),

changes as (
    select
        model_version,
        stay,
        min(case when regime = expected_regime then session end) - min(session) as delay
    from stays
    where stay > 0
    group by model_version, stay
),

of_changes as (
    select
        model_version,
        count(*) as changes,
        count(delay) as changes_detected,
        median(delay) as median_delay
    from changes
    group by model_version
),

-- of all sessions, and of those on which the model names a regime of the path, which transition is not
judged as (
    select
        model_version,
        'all' as scope,
        expected_regime,
        regime
    from hidden
    union all
    select
        hidden.model_version,
        'named' as scope,
        hidden.expected_regime,
        hidden.regime
    from hidden
    inner join named_regimes on hidden.regime = named_regimes.regime
),

guesses as (
    select
        model_version,
        scope,
        expected_regime,
        count(*) as sessions,
        sum(case when regime = expected_regime then 1 else 0 end) as agreeing
    from judged
    group by model_version, scope, expected_regime
),

agreed as (
    select
        model_version,
        sum(case when scope = 'all' then sessions else 0 end) as sessions,
        sum(case when scope = 'named' then sessions else 0 end) as named_sessions,
        sum(case when scope = 'all' then agreeing else 0 end) as agreeing,
        sum(case when scope = 'named' then agreeing else 0 end) as named_agreeing,
        max(case when scope = 'all' then sessions end) as guessed,
        max(case when scope = 'named' then sessions end) as named_guessed
    from guesses
    group by model_version
),

measured as (
    select
        agreed.*,
        coalesce(of_changes.changes, 0) as changes,
        coalesce(of_changes.changes_detected, 0) as changes_detected,
        of_changes.median_delay
    from agreed
    left join of_changes on agreed.model_version = of_changes.model_version
),

measures as (
    {% for measure, expression in {
        'sessions': 'sessions',
        'agreement': 'agreeing / sessions',
        'best_constant_guess': 'guessed / sessions',
        'named_sessions': 'named_sessions',
        'agreement_where_named': 'named_agreeing / nullif(named_sessions, 0)',
        'best_constant_guess_where_named': 'named_guessed / nullif(named_sessions, 0)',
        'changes': 'changes',
        'changes_detected': 'changes_detected',
        'median_delay_sessions': 'median_delay',
    }.items() %}
        select
            model_version,
            '{{ measure }}' as measure,
            cast({{ expression }} as double) as value
        from measured
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select * from measures
order by model_version, measure
