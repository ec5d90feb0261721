{# Fiscal Data sends every value as text, and a missing one as the text 'null'. #}
{% macro text_value(column) -%}
    nullif(nullif(trim({{ column }}), 'null'), '')
{%- endmacro %}

{% macro text_number(column) -%}
    cast({{ text_value(column) }} as double)
{%- endmacro %}

{% macro text_date(column) -%}
    cast({{ text_value(column) }} as date)
{%- endmacro %}

{# A number in words: so many digits after the point. #}
{% macro rounded(expression, digits) -%}
    cast(cast({{ expression }} as decimal(18, {{ digits }})) as varchar)
{%- endmacro %}
