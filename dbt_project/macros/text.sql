{# A number in words: so many digits after the point. #}
{% macro rounded(expression, digits) -%}
    cast(cast({{ expression }} as decimal(18, {{ digits }})) as varchar)
{%- endmacro %}

{# The whole number that stands before a word in a text; 0 where there is none. #}
{% macro number_before(word, text) -%}
    coalesce(try_cast(regexp_extract({{ text }}, '(\d+){{ word }}', 1) as integer), 0)
{%- endmacro %}
