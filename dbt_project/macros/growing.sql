{#
Models that grow: a run adds what is new since the last one, and writes anew what the new bars have changed.

raw.prices only grows, and load_number says with which payload a row came. stg_prices__bars keeps that of each bar
that it shows, so that a model that remembers up to which payload, and as of when, it was built finds what has come.
intermediate.built_to is that memory, one row a model, written in the model's own transaction.

Two ways, by what a model's rows hang on:
- one symbol's bars: symbols whose past has changed are written anew, the others get their new sessions
- several symbols on one session: everything is written anew from the first session that has changed

A model names in a `depends_on` comment what these macros refer to, for parsing takes no branch of theirs.
#}

{% macro create_built_to() %}
    create schema if not exists intermediate;
    create table if not exists intermediate.built_to (
        model varchar, prices_load bigint, membership_load bigint, as_of_at timestamp
    )
{% endmacro %}

{# post_hook: what this model has now seen; by default as much as the bars that it was made of. #}
{% macro remember(
    prices_load="(select prices_load from intermediate.built_to where model = 'stg_prices__bars')"
) %}
    delete from intermediate.built_to where model = '{{ this.name }}';
    insert into intermediate.built_to
    select
        '{{ this.name }}',
        {{ prices_load }},
        (select max(load_number) from {{ source('raw', 'index_membership') }}),
        (select as_of_at from {{ source('ref', 'as_of') }})
{% endmacro %}

{# What this model remembers, as literals, so that a scan can leave out what was written before. #}
{% macro built_to() %}
    {%- set found = run_query(
        "select max(prices_load), max(membership_load), max(as_of_at) "
        ~ "from intermediate.built_to where model = '" ~ this.name ~ "'"
    ).rows[0] -%}
    {{ return({
        'prices_load': found[0] or 0,
        'membership_load': found[1] or 0,
        'as_of_at': found[2] or '0001-01-01',
    }) }}
{% endmacro %}

{# A list of texts for `in`, never empty. #}
{% macro in_list(texts) -%}
    (''
    {%- for text in texts %}, '{{ text | replace("'", "''") }}'{% endfor -%}
    )
{%- endmacro %}

{# Which bars this model has not seen: loaded since, or known since, as a coin's of the day before. #}
{% macro is_new(rows='load_number') -%}
    {%- set seen = built_to() -%}
    ({{ rows }} > {{ seen.prices_load }} or known_at > '{{ seen.as_of_at }}')
{%- endmacro %}

{# Symbols with bars that int_prices__indicators has not seen, by a condition on them and on its own rows. #}
{% macro symbols_with_news(condition) %}
    {%- set found = run_query(
        "with changed as (select symbol, min(session_number) as first_session from " ~ ref('stg_prices__bars')
        ~ " where " ~ is_new() ~ " group by symbol), "
        ~ "written as (select symbol, max(session_number) as last_session from " ~ this
        ~ " where state is not null group by symbol) "
        ~ "select changed.symbol from changed left join written on changed.symbol = written.symbol "
        ~ "where " ~ condition ~ " order by 1"
    ) -%}
    {{ return(found.columns[0].values()) }}
{% endmacro %}

{# The symbols of which int_prices__indicators holds sessions that have changed since. #}
{% macro changed_symbols() %}
    {{ return(
        symbols_with_news("changed.first_session <= written.last_session") if is_incremental() else []
    ) }}
{% endmacro %}

{# pre_hook: they go, to be written anew. #}
{% macro forget_symbols(symbols) %}
    {%- if is_incremental() and symbols %}delete from {{ this }} where symbol in {{ in_list(symbols) }}{% endif -%}
{% endmacro %}

{#
The first session that this model, a table over date, has to write: the first one of which a bar has changed of the
symbols of a relation, or the first without a row. `rows` is levels_load_number for a model of prices and volumes as
traded, which a dividend leaves as they are.
#}
{% macro first_date_to_write(symbols=none, rows='load_number', membership=false, column='date') %}
    {%- if not is_incremental() -%}
        {{ return('0001-01-01') }}
    {%- endif -%}
    {%- if membership -%}
        {%- set latest = run_query("select max(load_number) from " ~ source('raw', 'index_membership')) -%}
        {%- if latest.columns[0].values()[0] != built_to().membership_load -%}
            {{ return('0001-01-01') }}
        {%- endif -%}
    {%- endif -%}
    {%- set found = run_query(
        "select least("
        ~ "(select min(date) from " ~ ref('stg_prices__bars') ~ " where " ~ is_new(rows)
        ~ " and symbol in (select symbol from " ~ (symbols or ref('stg_reference__instruments')) ~ ")), "
        ~ "coalesce((select max(" ~ column ~ ") + 1 from " ~ this ~ "), cast('0001-01-01' as date)))"
    ) -%}
    {{ return(found.columns[0].values()[0] | string) }}
{% endmacro %}

{# pre_hook of such a model. #}
{% macro forget_from(date, column='date') %}
    {%- if is_incremental() %}delete from {{ this }} where {{ column }} >= '{{ date }}'{% endif -%}
{% endmacro %}

{# The session that lies so many sessions before a date: where the windows of its row begin. #}
{% macro sessions_before(date, sessions) %}
    {%- if not is_incremental() -%}
        {{ return('0001-01-01') }}
    {%- endif -%}
    {%- set found = run_query(
        "select coalesce(min(date), cast('0001-01-01' as date)) from ("
        ~ "select date from " ~ ref('int_calendar__sessions') ~ " where date < '" ~ date ~ "' order by date desc limit "
        ~ sessions ~ ")"
    ) -%}
    {{ return(found.columns[0].values()[0] | string) }}
{% endmacro %}

{#
The symbols that stg_prices__bars has to read whole: with a new version of a session that it holds, and those whose
total return is, or now may be, made of dividends.
#}
{% macro bars_to_reload() %}
    {%- if not is_incremental() -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set found = run_query(
        "with news as (select symbol, min(date) as first_date, max(dividend) as dividend, "
        ~ "count(adj_close) as adj_closes from " ~ source('raw', 'prices') ~ " where " ~ is_new()
        ~ " and known_at <= (select as_of_at from " ~ source('ref', 'as_of') ~ ") group by symbol), "
        ~ "written as (select symbol, max(date) as last_date, max(total_return_basis) as basis "
        ~ "from " ~ this ~ " group by symbol) "
        ~ "select news.symbol from news inner join written on news.symbol = written.symbol "
        ~ "where news.first_date <= written.last_date or written.basis = 'dividends' "
        ~ "or (written.basis is null and (news.dividend > 0 or news.adj_closes > 0)) order by 1"
    ) -%}
    {{ return(found.columns[0].values()) }}
{% endmacro %}

{#
Which bars int_prices__indicators needs: of symbols that are changed, new, or back after a quarter of a year all, of the
others those of the last sessions, so that the scan leaves out the history before them.
#}
{% macro is_needed(lookback) %}
    {%- if not is_incremental() -%}
        {{ return('true') }}
    {%- endif -%}
    {%- set newest = run_query("select max(session_number) from " ~ this ~ " where state is not null") -%}
    {%- set recent = (newest.columns[0].values()[0] or 0) - 63 -%}
    {%- set whole = symbols_with_news(
        "written.symbol is null or changed.first_session <= written.last_session "
        ~ "or written.last_session < " ~ recent
    ) -%}
    (session_number > {{ recent - lookback }} or symbol in {{ in_list(whole) }})
{%- endmacro %}

{# Of int_breadth__counts: members' prices and volumes decide, and who is a member. #}
{% macro first_date_of_counts() %}
    {{ return(first_date_to_write(
        symbols=ref('stg_membership__spells'), rows='levels_load_number', membership=true
    )) }}
{% endmacro %}
