{# Whatever is not standard SQL. Another engine overrides the default__ macros; models stay as they are. #}

{# A list of the expression's values in the order of another expression, one list a group. #}
{% macro ordered_list(expression, order_by) -%}
    {{ return(adapter.dispatch('ordered_list')(expression, order_by)) }}
{%- endmacro %}

{% macro default__ordered_list(expression, order_by) -%}
    list({{ expression }} order by {{ order_by }})
{%- endmacro %}

{# A list of records of these columns, one list a group, in no order. #}
{% macro records(columns) -%}
    {{ return(adapter.dispatch('records')(columns)) }}
{%- endmacro %}

{% macro default__records(columns) -%}
    {%- set fields = [] -%}
    {%- for column in columns -%}
        {%- do fields.append(column ~ ' := ' ~ column) -%}
    {%- endfor -%}
    list(struct_pack({{ fields | join(', ') }}))
{%- endmacro %}

{# A variable of the connection, of this model alone, which the planner takes as a constant. #}
{% macro variable(name) -%}
    {{ return(adapter.dispatch('variable')(name)) }}
{%- endmacro %}

{% macro default__variable(name) -%}
    getvariable('{{ this.name }}_{{ name }}')
{%- endmacro %}

{# The query of its value follows in parentheses. #}
{% macro set_variable(name) -%}
    {{ return(adapter.dispatch('set_variable')(name)) }}
{%- endmacro %}

{% macro default__set_variable(name) -%}
    set variable {{ this.name }}_{{ name }} =
{%- endmacro %}

{# Whether a value is in a list; no list has none. #}
{% macro is_among(expression, list) -%}
    {{ return(adapter.dispatch('is_among')(expression, list)) }}
{%- endmacro %}

{% macro default__is_among(expression, list) -%}
    list_contains({{ list }}, {{ expression }})
{%- endmacro %}

{# A list's elements that satisfy a condition on a field of theirs. #}
{% macro elements_where(list, field, condition) -%}
    {{ return(adapter.dispatch('elements_where')(list, field, condition)) }}
{%- endmacro %}

{% macro default__elements_where(list, field, condition) -%}
    list_filter({{ list }}, lambda element: element.{{ field }} {{ condition }})
{%- endmacro %}

{# A list of these expressions. #}
{% macro list_of(expressions) -%}
    {{ return(adapter.dispatch('list_of')(expressions)) }}
{%- endmacro %}

{% macro default__list_of(expressions) -%}
    [{{ expressions | join(', ') }}]
{%- endmacro %}

{# The median of the rows so far, this one included. #}
{% macro expanding_median(expression, order_by) -%}
    {{ return(adapter.dispatch('expanding_median')(expression, order_by)) }}
{%- endmacro %}

{% macro default__expanding_median(expression, order_by) -%}
    median({{ expression }}) over (order by {{ order_by }} rows unbounded preceding)
{%- endmacro %}

{# A mean whose last digit does not depend on the order in which threads deliver the rows. #}
{% macro ordered_mean(expression, order_by) -%}
    {{ return(adapter.dispatch('ordered_mean')(expression, order_by)) }}
{%- endmacro %}

{% macro default__ordered_mean(expression, order_by) -%}
    list_avg(list({{ expression }} order by {{ order_by }}))
{%- endmacro %}

{# The same for a sum. #}
{% macro ordered_sum(expression, order_by) -%}
    {{ return(adapter.dispatch('ordered_sum')(expression, order_by)) }}
{%- endmacro %}

{% macro default__ordered_sum(expression, order_by) -%}
    list_sum(list({{ expression }} order by {{ order_by }}))
{%- endmacro %}

{# Texts of a group one after another, in the order of another expression. #}
{% macro joined_text(expression, separator, order_by) -%}
    {{ return(adapter.dispatch('joined_text')(expression, separator, order_by)) }}
{%- endmacro %}

{% macro default__joined_text(expression, separator, order_by) -%}
    string_agg({{ expression }}, '{{ separator }}' order by {{ order_by }})
{%- endmacro %}

{# SHA-256 of a text, 64 hexadecimal digits. #}
{% macro text_hash(expression) -%}
    {{ return(adapter.dispatch('text_hash')(expression)) }}
{%- endmacro %}

{% macro default__text_hash(expression) -%}
    sha256({{ expression }})
{%- endmacro %}

{# A JSON object of named expressions, a row's or a list's too, as text. #}
{% macro as_json(fields) -%}
    {{ return(adapter.dispatch('as_json')(fields)) }}
{%- endmacro %}

{% macro default__as_json(fields) -%}
    {%- set pairs = [] -%}
    {%- for name, expression in fields.items() -%}
        {%- do pairs.append("'" ~ name ~ "', " ~ expression) -%}
    {%- endfor -%}
    cast(json_object({{ pairs | join(', ') }}) as varchar)
{%- endmacro %}

{# One row an element; several in one select go in step. #}
{% macro unnest_list(expression) -%}
    {{ return(adapter.dispatch('unnest_list')(expression)) }}
{%- endmacro %}

{% macro default__unnest_list(expression) -%}
    unnest({{ expression }})
{%- endmacro %}

{# A list of doubles without elements. #}
{% macro no_doubles() -%}
    {{ return(adapter.dispatch('no_doubles')()) }}
{%- endmacro %}

{% macro default__no_doubles() -%}
    cast([] as double [])
{%- endmacro %}

{# The parts of a text between separators, as a list. #}
{% macro split_text(expression, separator) -%}
    {{ return(adapter.dispatch('split_text')(expression, separator)) }}
{%- endmacro %}

{% macro default__split_text(expression, separator) -%}
    string_split({{ expression }}, '{{ separator }}')
{%- endmacro %}

{# A vector function of dbt_project/kernels, which the plugin registers on every connection. #}
{% macro kernel(name, arguments) -%}
    {{ return(adapter.dispatch('kernel')(name, arguments)) }}
{%- endmacro %}

{% macro default__kernel(name, arguments) -%}
    {{ name }}({{ arguments | join(', ') }})
{%- endmacro %}

{# Stops the query with a message, an SQL text expression. #}
{% macro stop_with(message) -%}
    {{ return(adapter.dispatch('stop_with')(message)) }}
{%- endmacro %}

{% macro default__stop_with(message) -%}
    error({{ message }})
{%- endmacro %}

{# The value, or NULL where it is NaN or infinite: DuckDB keeps NaN, NULL and inf apart. #}
{% macro finite(expression) -%}
    {{ return(adapter.dispatch('finite')(expression)) }}
{%- endmacro %}

{% macro default__finite(expression) -%}
    case when isfinite({{ expression }}) then {{ expression }} end
{%- endmacro %}

{# The join that takes the nearest of the right side's rows that satisfy its one inequality. #}
{% macro asof_join() -%}
    {{ return(adapter.dispatch('asof_join')()) }}
{%- endmacro %}

{% macro default__asof_join() -%}
    asof join
{%- endmacro %}

{# Civil days from one date to a later one. #}
{% macro days_between(earlier, later) -%}
    {{ return(adapter.dispatch('days_between')(earlier, later)) }}
{%- endmacro %}

{% macro default__days_between(earlier, later) -%}
    date_diff('day', {{ earlier }}, {{ later }})
{%- endmacro %}

{# The first civil day of the date's week (a Monday) or month. #}
{% macro period_start(period, date) -%}
    {{ return(adapter.dispatch('period_start')(period, date)) }}
{%- endmacro %}

{% macro default__period_start(period, date) -%}
    date_trunc('{{ period }}', {{ date }})
{%- endmacro %}

{# A JSON object as text, from names and expressions; what is NULL is left out. #}
{% macro json_text(pairs) -%}
    {{ return(adapter.dispatch('json_text')(pairs)) }}
{%- endmacro %}

{% macro default__json_text(pairs) -%}
    {%- set members = [] -%}
    {%- for name, expression in pairs.items() -%}
        {%- do members.append("'" ~ name ~ "', " ~ expression) -%}
    {%- endfor -%}
    cast(json_merge_patch('{}', json_object({{ members | join(', ') }})) as varchar)
{%- endmacro %}

{# JSON texts of a group as one JSON list. #}
{% macro json_list(expression, order_by) -%}
    {{ return(adapter.dispatch('json_list')(expression, order_by)) }}
{%- endmacro %}

{% macro default__json_list(expression, order_by) -%}
    to_json(list(cast({{ expression }} as json) order by {{ order_by }}))
{%- endmacro %}

{# What is in a table, as one JSON text: how many rows, the first and the last date, some of the last rows. #}
{% macro contents(relation, date_column=none, last_rows=0) -%}
    {{ return(adapter.dispatch('contents')(relation, date_column, last_rows)) }}
{%- endmacro %}

{% macro default__contents(relation, date_column, last_rows) -%}
    {%- set fields = ['rows := count(*)'] -%}
    {%- if date_column -%}
        {%- do fields.append('first_date := min(' ~ date_column ~ ')') -%}
        {%- do fields.append('last_date := max(' ~ date_column ~ ')') -%}
    {%- endif -%}
    {%- if last_rows -%}
        {%- set latest = ' order by ' ~ date_column ~ ' desc nulls last' if date_column else '' -%}
        {%- set rows = '(from ' ~ relation ~ latest ~ ' limit ' ~ last_rows ~ ') as last_row' -%}
        {%- do fields.append('last_rows := (select list(last_row) from ' ~ rows ~ ')') -%}
    {%- endif -%}
    select to_json(struct_pack({{ fields | join(', ') }}))::varchar from {{ relation }}
{%- endmacro %}
