{# A number in words: so many digits after the point. #}
{% macro rounded(expression, digits) -%}
    cast(cast({{ expression }} as decimal(18, {{ digits }})) as varchar)
{%- endmacro %}
