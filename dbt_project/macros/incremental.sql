{#
dbt-duckdb's materialization of the same name without what our models have no use for: a table between, a comparison of
its columns and the comments anew take longer than a session's rows. A run whose models have changed makes all anew
(begin_growth), so that what stands has the columns and comments of the model.
#}
{% materialization incremental, adapter='duckdb' %}
    {%- if not is_incremental() -%}
        {{ return(materialization_table_duckdb()) }}
    {%- endif -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% call statement('main') %}
        insert into {{ this }}
        {{ compiled_code }}
    {% endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [this.incorporate(type='table')]}) }}
{% endmaterialization %}
