{# The ledger, once it is read and checked (macros/claims.sql), as SQL. #}
-- noqa: disable=LT02

{% macro claims_literal(value, kind) -%}
    {%- if value is none or value is undefined -%}
        cast(null as {{ kind }})
    {%- elif kind in ('varchar', 'date') -%}
        cast('{{ value | string | replace("'", "''") }}' as {{ kind }})
    {%- else -%}
        cast({{ value }} as {{ kind }})
    {%- endif -%}
{%- endmacro %}

{# The ledger as rows, one a condition. #}
{% macro claims_conditions() %}
    {%- set columns = {
        'article_id': 'varchar', 'published': 'date', 'speaks_of': 'date', 'claim_id': 'varchar', 'statement': 'varchar',
        'kind': 'varchar', 'definition_id': 'varchar', 'combine': 'varchar', 'not_testable': 'varchar',
        'measure': 'varchar', 'of': 'varchar', 'against': 'varchar', 'less': 'varchar', 'members': 'varchar',
        'sessions': 'integer', 'over': 'integer', 'past': 'integer', 'since': 'date', 'weekday': 'integer',
        'from_weekday': 'integer', 'days': 'integer', 'less_days_before': 'integer', 'size': 'double', 'take': 'varchar',
        'predicate': 'varchar',
        'low': 'double', 'high': 'double', 'low_is_in': 'boolean', 'high_is_in': 'boolean', 'threshold': 'double',
    } -%}
    {%- set names = {
        'of': 'of_series', 'against': 'against_series', 'less': 'less_series', 'over': 'over_sessions',
        'past': 'past_sessions',
    } -%}
    {%- for condition in claims_ledger() %}
    select
        {{ loop.index }} as condition_id
        {%- for name, kind in columns.items() -%}
            {%- set value = condition.get(name) -%}
            {%- if name == 'members' and value is not none -%}
                {%- set value = value | join('|') or none -%}
            {%- endif -%}
            , {{ claims_literal(value, kind) }} as {{ names.get(name, name) }}
        {%- endfor -%}
    {{ ' union all' if not loop.last }}
    {%- endfor %}
{% endmacro %}

{# Every series that the ledger names, in long form. #}
{% macro claims_points() %}
    {%- set series = [] -%}
    {%- for condition in claims_ledger() -%}
        {%- for text in [condition.get('of'), condition.get('against'), condition.get('less')]
            + condition.get('members', []) if text is not none and text not in series -%}
            {%- do series.append(text) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for text in series %}
    {{ claims_series(text) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{% endmacro %}

{% macro claims_series(text) %}
    {%- set parts = claims_series_parts(text, text) -%}
    {%- if 'symbols' in parts -%}
    {%- set ratio = parts['symbols'] | length == 2 -%}
    select
        {{ claims_literal(text, 'varchar') }} as series,
        a.date,
        ln(a.adj_close{{ ' / b.adj_close' if ratio }}) as value,
        a.date as observation_date,
        cast(null as timestamp) as known_at,
        true as is_daily,
        a.symbol as symbol_a,
        {{ 'b.symbol' if ratio else 'cast(null as varchar)' }} as symbol_b
    from {{ ref('price_indicators') }} as a
    {% if ratio -%}
    inner join {{ ref('price_indicators') }} as b
        on a.date = b.date and b.symbol = '{{ parts['symbols'][1] }}' and b.adj_close > 0
    {% endif -%}
    where a.symbol = '{{ parts['symbols'][0] }}' and a.adj_close > 0
    {%- else -%}
    {%- set table = claims_tables()[parts['table']] -%}
    {%- set date = table.get('date', 'date') -%}
    {%- set expressions = table.get('expressions', {}) -%}
    {%- set dates = [] -%}
    {%- for name in parts['names'] if name in table.get('dates', {}) and table['dates'][name] not in dates -%}
        {%- do dates.append(table['dates'][name]) -%}
    {%- endfor -%}
    {%- set is_observed = parts['table'] == 'observations' -%}
    {%- set symbols = table.get('symbols', []) -%}
    select
        {{ claims_literal(text, 'varchar') }} as series,
        {{ date }} as date,
        cast({{ expressions.get(parts['expression'], parts['expression']) }} as double) as value,
        {% if is_observed or parts['table'] == 'settlements' -%}
        observation_date,
        known_at,
        {%- else -%}
        {{ 'least(' ~ dates | join(', ') ~ ')' if dates else date }} as observation_date,
        cast(null as timestamp) as known_at,
        {%- endif %}
        {{ parts['table'] != 'settlements' }} as is_daily,
        {{ symbols[0] if symbols else 'cast(null as varchar)' }} as symbol_a,
        {{ symbols[1] if symbols | length > 1 else 'cast(null as varchar)' }} as symbol_b
    from {{ ref(table.get('model', parts['table'])) if table.get('model') != 'cte' else parts['table'] }}
    {%- for key in table.get('keys', []) %}
    {{ 'where' if loop.first else 'and' }} {{ key }} = {{ claims_literal(parts['keys'][loop.index0], 'varchar') }}
    {%- endfor -%}
    {%- endif -%}
{% endmacro %}

{# Whether a value lies within the bounds of its condition. #}
{% macro claims_holds(value, row) -%}
    (
        case
            when {{ value }} is null then null
            when {{ value }} = {{ row }}.low then {{ row }}.low_is_in
            when {{ value }} = {{ row }}.high then {{ row }}.high_is_in
            else coalesce({{ value }} > {{ row }}.low, true) and coalesce({{ value }} < {{ row }}.high, true)
        end
    )
{%- endmacro %}

{# Rows of measures: CTEs by name, each with the columns that it has besides a value and its dates. #}
{% macro claims_measured(measures) %}
    {%- set columns = {
        'n': 'integer', 'ci_low': 'double', 'ci_high': 'double', 'base_rate': 'double', 'resolves_at': 'date',
        'detail': 'varchar',
    } -%}
    {%- for measure, own in measures.items() %}
    select
        condition_id, as_of_date, cast(value as double) as value, from_date, to_date
        {%- for name, kind in columns.items() -%}
            , cast({{ name if name in own else 'null' }} as {{ kind }}) as {{ name }}
        {%- endfor %}
    from {{ measure }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{% endmacro %}
