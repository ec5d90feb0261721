{# Each combination of `by` occurs once, and neither it nor a column of `known` is NULL. #}
{% test keyed(model, by, known=[]) %}
with counted as (
    select *, count(*) over (partition by {{ by | join(', ') }}) as rows_of_key
    from {{ model }}
)

select *
from counted
where
    rows_of_key > 1
    {% for column in by + known -%}
        or {{ column }} is null
    {% endfor %}
{% endtest %}
