{# Tells the log how many rows a table got; of the views only a published one is counted, that runs it. #}
{% macro report_rows() %}
    {%- if execute and (config.get('materialized') != 'view' or model.schema == 'analysis') -%}
        {%- set counted = run_query('select count(*) from ' ~ this) -%}
        {{- log('rows ' ~ model.unique_id ~ ' ' ~ counted.columns[0].values()[0], info=true) -}}
    {%- endif -%}
{% endmacro %}
