{# The expression is never false; NULL, not known, passes. #}
{% test holds(model, expression) %}
select *
from {{ model }}
where not ({{ expression }})
{% endtest %}
