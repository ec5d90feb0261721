{#
A model is replaced, or grows, in one transaction of DuckDB's, so that what stands remains where a statement fails.

dbt-duckdb's materializations of these names reach that by tables beside, renames and backups, and compare the columns
of each growing table, which is a third of a daily step's time. A run whose models have changed makes all of them anew
(begin_growth), so that what grows has the columns and the comments of its model. Hooks outside of the transaction,
grants and indexes are left out: no model has any.
#}

{% materialization table, adapter='duckdb' %}
    {{ return(in_one_transaction('table')) }}
{% endmaterialization %}

{% materialization view, adapter='duckdb' %}
    {{ return(in_one_transaction('view')) }}
{% endmaterialization %}

{% materialization incremental, adapter='duckdb' %}
    {{ return(in_one_transaction('table', grows=is_incremental())) }}
{% endmaterialization %}

{% macro in_one_transaction(kind, grows=false) %}
    {%- set standing = load_cached_relation(this) -%}
    {%- set made = this.incorporate(type=kind) -%}
    {{ run_hooks(pre_hooks) }}
    {% call statement('main') %}
        {% if grows %}
            insert into {{ made }} by name
            {{ compiled_code }}
        {% else %}
            {% if standing %}drop {{ standing.type }} {{ standing }};{% endif %}
            {% if kind == 'view' %}
                {{ create_view_as(made, compiled_code) }}
            {% else %}
                {{ create_table_as(false, made, compiled_code) }}
            {% endif %}
            {{ comments_on(made) }}
        {% endif %}
    {% endcall %}
    {% do report_rows() %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [made]}) }}
{% endmacro %}

{# The descriptions of a model and of its columns, all of which are there: its contract holds it to them. #}
{% macro comments_on(relation) %}
    {% if config.persist_relation_docs() %}
        comment on {{ relation.type }} {{ relation }} is {{ duckdb_escape_comment(model.description) }};
        {% for column in model.columns.values() %}
            comment on column {{ relation }}.{{ adapter.quote(column.name) }}
            is {{ duckdb_escape_comment(column.description) }};
        {% endfor %}
    {% endif %}
{% endmacro %}
