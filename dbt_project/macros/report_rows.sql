{# Tells the log what is in a table: how many rows; of a published one also the dates that it covers, by the
   date among its first two columns, and the last rows. Of the views only a published one is asked. #}
{% macro report_rows() %}
    {%- set is_published = model.schema == 'analysis' -%}
    {%- if execute and (config.get('materialized') != 'view' or is_published) -%}
        {%- set dates = [] -%}
        {%- for column in (model.columns.values() | list)[:2] if column.data_type == 'date' -%}
            {%- do dates.append(column.name) -%}
        {%- endfor -%}
        {%- set told = run_query(contents(this, dates | first, 5) if is_published else contents(this)) -%}
        {{- log('table ' ~ model.unique_id ~ ' ' ~ told.columns[0].values()[0], info=true) -}}
    {%- endif -%}
{% endmacro %}
