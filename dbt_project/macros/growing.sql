{#
Models that grow: a run adds what is new since the last one, and writes anew what the new bars have changed.

raw.prices only grows, and load_number says with which payload a row came. stg_prices__bars keeps that of each bar
that it shows, so that a model that remembers up to which payload, and as of when, it was built finds what has come.
intermediate.built_to is that memory, one row a model, written in the model's own transaction.

Two ways, by what a model's rows hang on:
- one symbol's bars: symbols whose past has changed are written anew, the others get their new sessions
- several symbols on one session: everything is written anew from the first session that has changed

A pre_hook finds what is new, sets it as variables of the connection and removes what is to be written anew. The model
reads the variables, which the planner takes as constants, so that a scan leaves out what was written before. Without its
hook, as by `dbt show`, what stands as a growing table has nothing to add.

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

{# What this model remembers. #}
{% macro set_seen() -%}
    {{ set_variable('seen_prices_load') }} ({{ remembered('prices_load', '0') }});
    {{ set_variable('seen_membership_load') }} ({{ remembered('membership_load', '0') }});
    {{ set_variable('seen_as_of_at') }} ({{ remembered('as_of_at', "'0001-01-01'") }});
{%- endmacro %}

{% macro remembered(column, at_first) -%}
    select coalesce(max({{ column }}), {{ at_first }}) from intermediate.built_to where model = '{{ this.name }}'
{%- endmacro %}

{# Which bars this model has not seen: loaded since, or known since, as a coin's of the day before. #}
{% macro is_new(rows='load_number') -%}
    ({{ rows }} > {{ variable('seen_prices_load') }} or known_at > {{ variable('seen_as_of_at') }})
{%- endmacro %}

{# pre_hook of stg_prices__bars: symbols go that have a new version of a session that it holds, and those
   whose total return is, or now may be, made of dividends. #}
{% macro forget_reloaded_symbols() %}
    {% if is_incremental() %}
        {{ set_seen() }}
        {{ set_variable('whole_symbols') }} (
            with news as (
                select symbol, min(date) as first_date, max(dividend) as dividend, count(adj_close) as adj_closes
                from {{ source('raw', 'prices') }}
                where {{ is_new() }} and known_at <= (select as_of_at from {{ source('ref', 'as_of') }})
                group by symbol
            ),
            written as (
                select symbol, max(date) as last_date, max(total_return_basis) as basis from {{ this }} group by symbol
            )
            select {{ ordered_list('news.symbol', 'news.symbol') }}
            from news
            inner join written on news.symbol = written.symbol
            where
                news.first_date <= written.last_date
                or written.basis = 'dividends'
                or (written.basis is null and (news.dividend > 0 or news.adj_closes > 0))
        );
        {{ forget_whole_symbols() }}
    {% endif %}
{% endmacro %}

{# pre_hook of int_prices__indicators: symbols are made whole of which it holds sessions that have changed
   since, those that are back after a quarter of a year, and new ones. #}
{% macro forget_changed_symbols() %}
    {% if is_incremental() %}
        {{ set_seen() }}
        {{ set_variable('oldest_recent_session') }} (
            select coalesce(max(session_number), 0) - 63 from {{ this }}
        );
        {{ set_variable('whole_symbols') }} (
            with changed as (
                select symbol, min(session_number) as first_session
                from {{ ref('stg_prices__bars') }}
                where {{ is_new() }}
                group by symbol
            ),
            written as (
                select symbol, max(session_number) as last_session
                from {{ this }}
                where state is not null
                group by symbol
            )
            select {{ ordered_list('changed.symbol', 'changed.symbol') }}
            from changed
            left join written on changed.symbol = written.symbol
            where
                written.symbol is null
                or changed.first_session <= written.last_session
                or written.last_session < {{ variable('oldest_recent_session') }}
        );
        {{ forget_whole_symbols() }}
    {% endif %}
{% endmacro %}

{# The bars that it needs: of such symbols all, of the others the last. #}
{% macro is_needed(lookback) -%}
    {%- if is_incremental() -%}
        (
            session_number > {{ variable('oldest_recent_session') }} - {{ lookback }}
            or {{ is_among('symbol', variable('whole_symbols')) }}
        )
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{% macro forget_whole_symbols() %}
    delete from {{ this }} where {{ is_among('symbol', variable('whole_symbols')) }}
{% endmacro %}

{# pre_hook of a model whose rows hang on several symbols: all goes from the first session of which a bar of
   the symbols of a relation has changed, at the latest from the first one that is missing; with `membership`
   everything, where who was a member has changed. `sessions`: how far before its own session a row reaches back.
   `rows` is levels_load_number for a model of prices and volumes as traded, which no dividend changes. #}
{% macro forget_from_first_change(
    sessions=0, symbols='stg_reference__instruments', rows='load_number', membership=false, column='date'
) %}
    {% if is_incremental() %}
        {{ set_seen() }}
        {{ set_variable('first_date_to_write') }} (
            select least(
                {% if membership %}
                    case
                        when
                            (select max(load_number) from {{ source('raw', 'index_membership') }})
                            <> {{ variable('seen_membership_load') }}
                            then {{ day_one() }}
                    end,
                {% endif %}
                (
                    select min(date) from {{ ref('stg_prices__bars') }}
                    where {{ is_new(rows) }} and symbol in (select symbol from {{ ref(symbols) }})
                ),
                coalesce((select max({{ column }}) + 1 from {{ this }}), {{ day_one() }})
            )
        );
        {{ set_since(sessions) if sessions }}
        delete from {{ this }} where {{ column }} >= {{ variable('first_date_to_write') }}
    {% endif %}
{% endmacro %}

{% macro set_since(sessions) -%}
    {{ set_variable('since') }} (
        select coalesce(min(date), {{ day_one() }})
        from (
            select date from {{ ref('int_calendar__sessions') }}
            where date < {{ variable('first_date_to_write') }}
            order by date desc
            limit {{ sessions }}
        )
    );
{%- endmacro %}

{# The first session that such a model writes. #}
{% macro first_date_to_write() -%}
    {{ variable('first_date_to_write') if is_incremental() else day_one() }}
{%- endmacro %}

{# The first session that its windows reach back to. #}
{% macro since() -%}
    {{ variable('since') if is_incremental() else day_one() }}
{%- endmacro %}

{% macro day_one() -%}
    cast('0001-01-01' as date)
{%- endmacro %}
