{#
Reads macros/claims_ledger.sql. The models of the ledger call these macros while dbt parses, so that a wrong row is
refused then, with its id, and not when the data meets it. What a row may be made of is in claims_vocabulary.sql.
#}
-- noqa: disable=LT02

{% macro claims_error(where, what) %}
    {{ exceptions.raise_compiler_error('claims ledger, ' ~ where ~ ': ' ~ what) }}
{% endmacro %}

{% macro claims_is_date(value) %}
    {{ return(modules.re.match('^[0-9]{4}-[0-9]{2}-[0-9]{2}$', value | string) is not none) }}
{% endmacro %}

{# The bounds of a comparison: '> 0', '<= 3', '= 2', '61 ± 5', '64.3 ± 0.5%', '[35, 55)'. #}
{% macro claims_bounds(where, text) %}
    {%- set number = '(-?[0-9]+(?:\\.[0-9]+)?)' -%}
    {%- set text = text | string | trim -%}
    {%- set one_sided = modules.re.match('^(>=|<=|>|<|=) *' ~ number ~ '$', text) -%}
    {%- set around = modules.re.match('^' ~ number ~ ' *(?:±|\\+-) *' ~ number ~ '(%?)$', text) -%}
    {%- set between = modules.re.match('^([\\[(]) *' ~ number ~ ' *, *' ~ number ~ ' *([\\])])$', text) -%}
    {%- if one_sided -%}
        {%- set operator, bound = one_sided[1], one_sided[2] | float -%}
        {{ return({
            'low': bound if operator in ('>', '>=', '=') else none,
            'high': bound if operator in ('<', '<=', '=') else none,
            'low_is_in': '=' in operator, 'high_is_in': '=' in operator, 'threshold': bound,
        }) }}
    {%- elif around -%}
        {%- set middle, width = around[1] | float, around[2] | float -%}
        {%- set width = (middle | abs) * width / 100 if around[3] else width -%}
        {{ return({
            'low': middle - width, 'high': middle + width, 'low_is_in': true, 'high_is_in': true, 'threshold': middle,
        }) }}
    {%- elif between -%}
        {%- set low, high = between[2] | float, between[3] | float -%}
        {%- if low >= high -%}
            {{ claims_error(where, "the interval '" ~ text ~ "' is empty") }}
        {%- endif -%}
        {{ return({
            'low': low, 'high': high, 'low_is_in': between[1] == '[', 'high_is_in': between[4] == ']', 'threshold': none,
        }) }}
    {%- else -%}
        {{ claims_error(
            where, "'" ~ text ~ "' is no comparison; write is: as '> 0', '= 2', '61 ± 5', '64.3 ± 0.5%' or '[35, 55)'"
        ) }}
    {%- endif -%}
{% endmacro %}

{# A series, taken apart: of an instrument, of a ratio of two, or an expression over a table's row. #}
{% macro claims_series_parts(where, text) %}
    {%- set text = text | string | trim -%}
    {%- set symbol = '(\\^?[A-Z][A-Z0-9.=-]*)' -%}
    {%- set prices = modules.re.match('^' ~ symbol ~ '(?:/' ~ symbol ~ ')?$', text) -%}
    {%- if prices -%}
        {{ return({'symbols': [prices[1]] + ([prices[2]] if prices[2] else [])}) }}
    {%- endif -%}
    {%- set found = modules.re.match('^(.+) from ([a-z_]+)(?:\\((.+)\\))?$', text) -%}
    {%- if not found -%}
        {{ claims_error(where, "'" ~ text ~ "' is neither SPY, SPY/IWM nor an expression from a table") }}
    {%- endif -%}
    {%- set expression, name = found[1], found[2] -%}
    {%- set table = claims_tables().get(name) -%}
    {%- if not table -%}
        {{ claims_error(where, "unknown table '" ~ name ~ "'; there are " ~ claims_tables() | join(', ')) }}
    {%- endif -%}
    {%- set keys = found[3].split('/') if found[3] else [] -%}
    {%- if keys | length != table.get('keys', []) | length -%}
        {{ claims_error(where, name ~ ' is asked by ' ~ (table.get('keys', []) | join('/') or 'nothing')
            ~ ', not by (' ~ (found[3] or '') ~ ')') }}
    {%- endif -%}
    {%- if modules.re.search('[^a-z0-9_ .,()*/+-]', expression) -%}
        {{ claims_error(where, "'" ~ expression ~ "' is no arithmetic over columns") }}
    {%- endif -%}
    {%- set names = modules.re.findall('[a-z][a-z0-9_]*', expression) -%}
    {%- set columns = table['columns'] + table.get('expressions', {}) | list -%}
    {%- for word in names if word not in columns and word not in ('ln', 'abs', 'least', 'greatest') -%}
        {{ claims_error(where, name ~ " has no number '" ~ word ~ "'; it has " ~ columns | join(', ')) }}
    {%- endfor -%}
    {{ return({'expression': expression, 'table': name, 'keys': keys, 'names': names}) }}
{% endmacro %}

{# The rows of the ledger, each parsed alone, so that one that is no YAML is found. #}
{% macro claims_rows(ledger) %}
    {%- set rows = [] -%}
    {%- for text in modules.re.split('\n(?=- )', '\n' ~ ledger | trim) if text | trim -%}
        {%- set row = fromyaml(text) -%}
        {%- set parts = row[0] if row is sequence and row is not string else none -%}
        {%- if parts is not mapping -%}
            {{ claims_error((text | trim).split('\n')[0] | replace('- ', ''), 'the row is no YAML') }}
        {%- endif -%}
        {%- do rows.append(parts) -%}
    {%- endfor -%}
    {{ return(rows) }}
{% endmacro %}

{# One condition, checked and complete; `given` holds what it says and what its definition says for it. #}
{% macro claims_condition(where, given, lists) %}
    {%- set rule = claims_measures().get(given.get('measure')) -%}
    {%- if not rule -%}
        {{ claims_error(where, "unknown measure '" ~ given.get('measure') ~ "'; there are "
            ~ claims_measures() | join(', ')) }}
    {%- endif -%}
    {%- set measure = given['measure'] -%}
    {%- for name in rule['needs'] if given.get(name) is none -%}
        {{ claims_error(where, measure ~ ' needs ' ~ name) }}
    {%- endfor -%}
    {%- for name in given if name not in rule['needs'] + rule['may'] + ['measure', 'is'] -%}
        {{ claims_error(where, measure ~ " takes no '" ~ name ~ "'; it takes "
            ~ (rule['needs'] + rule['may']) | join(', ')) }}
    {%- endfor -%}
    {%- if 'one_of' in rule and given.keys() | select('in', rule['one_of']) | list | length != 1 -%}
        {{ claims_error(where, measure ~ ' needs one of ' ~ rule['one_of'] | join(', ')) }}
    {%- endif -%}
    {%- for name in ('sessions', 'over', 'past', 'days', 'less_days_before', 'weekday', 'from_weekday')
        if name in given -%}
        {%- if given[name] is not integer or given[name] < 1 or ('weekday' in name and given[name] > 5) -%}
            {{ claims_error(where, name ~ ' is ' ~ given[name] ~ ', no number of ' ~ name) }}
        {%- endif -%}
    {%- endfor -%}
    {%- if 'size' in given and (given['size'] is not number or given['size'] <= 0) -%}
        {{ claims_error(where, 'size is ' ~ given['size'] ~ ', no positive number') }}
    {%- endif -%}
    {%- if 'since' in given and not claims_is_date(given['since']) -%}
        {{ claims_error(where, 'since is ' ~ given['since'] ~ ', no date') }}
    {%- endif -%}
    {%- if 'take' in given and given['take'] not in rule['take'] -%}
        {{ claims_error(where, measure ~ " cannot take '" ~ given['take'] ~ "'; it takes "
            ~ rule['take'] | join(', ')) }}
    {%- endif -%}
    {%- if 'among' in given and given['among'] not in lists -%}
        {{ claims_error(where, "there is no list '" ~ given['among'] ~ "' above") }}
    {%- endif -%}
    {%- for name in ('of', 'against', 'less') if name in given -%}
        {%- do claims_series_parts(where, given[name]) -%}
    {%- endfor -%}
    {%- if given.get('is') is none -%}
        {{ claims_error(where, 'it is compared with nothing; write is:') }}
    {%- endif -%}
    {%- set named = [] -%}
    {%- for name in rule['needs'] + rule['may'] if name in given and name not in ('of', 'among') -%}
        {%- do named.append(name | replace('_', ' ') ~ ' ' ~ given[name]) -%}
    {%- endfor -%}
    {%- set condition = dict(given) -%}
    {%- do condition.update(claims_bounds(where, given['is'])) -%}
    {%- do condition.update({
        'members': lists[given['among']] if 'among' in given else [],
        'take': given.get('take', rule['take'][0] if 'take' in rule else none),
        'predicate': measure | replace('_', ' ') ~ ' of ' ~ given.get('of', given.get('among'))
            ~ (' among ' ~ given['among'] if 'of' in given and 'among' in given else '')
            ~ (', ' if named else '') ~ named | join(', ') ~ ': ' ~ given['is'],
    }) -%}
    {{ return(condition) }}
{% endmacro %}

{# The ledger as a list of conditions, one row each, with the claim and the article that it belongs to. #}
{% macro claims_ledger(ledger=none) %}
    {%- set kinds = ['level', 'change', 'rank', 'relation', 'event', 'forecast', 'opinion'] -%}
    {%- set lists, conditions, seen = {}, [], [] -%}
    {%- set at = namespace(article=none, claims=0) -%}
    {%- for row in claims_rows(ledger or claims_ledger_text()) -%}
        {%- if 'list' in row -%}
            {%- if row.get('members') is string or not row.get('members') -%}
                {{ claims_error('list ' ~ row['list'], 'it has no members') }}
            {%- endif -%}
            {%- for member in row['members'] -%}
                {%- do claims_series_parts('list ' ~ row['list'], member) -%}
            {%- endfor -%}
            {%- do lists.update({row['list']: row['members']}) -%}
        {%- elif 'article' in row -%}
            {%- for name in ('published', 'speaks_of')
                if not claims_is_date(row.get(name)) -%}
                {{ claims_error('article ' ~ row['article'], name ~ ' is ' ~ row.get(name) ~ ', no date') }}
            {%- endfor -%}
            {%- if 'article ' ~ row['article'] in seen -%}
                {{ claims_error('article ' ~ row['article'], 'there are two of it') }}
            {%- endif -%}
            {%- do seen.append('article ' ~ row['article']) -%}
            {%- set at.article = row -%}
        {%- elif 'claim' in row -%}
            {%- set claim = row['claim'] | string -%}
            {%- if at.article is none -%}
                {{ claims_error(claim, 'no article stands above it') }}
            {%- endif -%}
            {%- if claim in seen -%}
                {{ claims_error(claim, 'there are two of it') }}
            {%- endif -%}
            {%- do seen.append(claim) -%}
            {%- if not row.get('statement') -%}
                {{ claims_error(claim, 'it has no statement') }}
            {%- endif -%}
            {%- if row.get('kind') not in kinds -%}
                {{ claims_error(claim, "unknown kind '" ~ row.get('kind') ~ "'; there are "
                    ~ kinds | join(', ')) }}
            {%- endif -%}
            {%- if row.get('definitions') is string or not row.get('definitions') -%}
                {{ claims_error(claim, 'it has no definitions') }}
            {%- endif -%}
            {%- for definition in row['definitions'] -%}
                {%- do conditions.extend(claims_definition(claim, row, definition, lists, at.article, seen)) -%}
            {%- endfor -%}
        {%- else -%}
            {{ claims_error(row | string | truncate(60), 'a row starts with list, article or claim') }}
        {%- endif -%}
    {%- endfor -%}
    {{ return(conditions) }}
{% endmacro %}

{# The conditions of a definition; a list of windows makes one definition a window. #}
{% macro claims_definition(claim, row, definition, lists, article, seen) %}
    {%- set conditions = [] -%}
    {%- if definition is not mapping or not definition.get('id') -%}
        {{ claims_error(claim, 'a definition has no id') }}
    {%- endif -%}
    {%- set where = claim ~ '/' ~ definition['id'] -%}
    {%- set combine = 'any' if 'any' in definition else 'all' -%}
    {%- set parts = definition.get('any', definition.get('all', [{}])) -%}
    {%- if parts is mapping or parts is string or not parts -%}
        {{ claims_error(where, combine ~ ' is no list of conditions') }}
    {%- endif -%}
    {%- set windows = definition.get('sessions') -%}
    {%- set many = windows is sequence and windows is not string -%}
    {%- for window in (windows if many else [windows]) -%}
        {%- set definition_id = definition['id'] ~ ('_' ~ window if many else '') -%}
        {%- if claim ~ '/' ~ definition_id in seen -%}
            {{ claims_error(claim ~ '/' ~ definition_id, 'there are two of it') }}
        {%- endif -%}
        {%- do seen.append(claim ~ '/' ~ definition_id) -%}
        {%- set of_claim = {
            'article_id': article['article'], 'published': article['published'], 'speaks_of': article['speaks_of'],
            'claim_id': claim, 'statement': row['statement'], 'kind': row['kind'], 'definition_id': definition_id,
            'combine': combine, 'not_testable': definition.get('not_testable'),
        } -%}
        {%- if 'not_testable' in definition -%}
            {%- if definition | length != 2 or not definition['not_testable'] -%}
                {{ claims_error(where, 'not_testable stands alone, with its reason') }}
            {%- endif -%}
            {%- do conditions.append(of_claim) -%}
        {%- else -%}
            {%- for part in parts -%}
                {%- set given = {} -%}
                {%- for name, value in definition.items() if name not in ('id', 'all', 'any', 'sessions') -%}
                    {%- do given.update({name: value}) -%}
                {%- endfor -%}
                {%- do given.update({'sessions': window} if window is not none else {}) -%}
                {%- do given.update(part) -%}
                {%- set condition = claims_condition(where, given, lists) -%}
                {%- set is_forecast = claims_measures()[condition['measure']].get('is_forecast', false) -%}
                {%- if is_forecast != (row['kind'] == 'forecast') -%}
                    {{ claims_error(where, condition['measure'] ~ ' is ' ~ ('' if is_forecast else 'not ')
                        ~ 'for a forecast, and the kind is ' ~ row['kind']) }}
                {%- endif -%}
                {%- do condition.update(of_claim) -%}
                {%- do conditions.append(condition) -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(conditions) }}
{% endmacro %}
