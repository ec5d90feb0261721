-- depends_on: {{ ref('stg_prices__bars') }} {{ ref('stg_membership__spells') }}
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_from_first_change(symbols='stg_membership__spells', rows='levels_load_number', membership=true) }}",
    post_hook="{{ remember() }}",
) }}

with members as (
    select * from {{ ref('int_membership__daily') }}
    where date >= {{ first_date_to_write() }}
),

prices as (
    select * from {{ ref('price_indicators') }}
    where date >= {{ first_date_to_write() }}
),

-- members without any price stay in: they lower the coverage instead of vanishing; a close repeated without a
-- share traded is the quote of a halted share, and no move
member_days as (
    select
        members.index_id as universe,
        members.date,
        prices.close,
        case
            when prices.volume > 0 or prices.volume is null or prices.close <> prices.previous_close
                then prices.previous_close
        end as previous_close,
        prices.volume,
        prices.sma_20,
        prices.sma_50,
        prices.sma_200,
        prices.close_high_252,
        prices.close_low_252
    from members
    left join prices on members.symbol = prices.symbol and members.date = prices.date
),

counts as (
    select
        universe,
        date,
        count(*) as members,
        count(close) as priced,
        count(previous_close) as valid,
        count(*) filter (where close > previous_close) as advances,
        count(*) filter (where close < previous_close) as declines,
        count(*) filter (where close = previous_close) as unchanged,
        sum(volume) filter (where close > previous_close) as up_volume,
        sum(volume) filter (where close < previous_close) as down_volume,
        count(*) filter (where previous_close is not null and volume > 0) as with_volume,
        count(sma_20) as with_sma_20,
        count(sma_50) as with_sma_50,
        count(sma_200) as with_sma_200,
        count(*) filter (where close > sma_20) as above_sma_20,
        count(*) filter (where close > sma_50) as above_sma_50,
        count(*) filter (where close > sma_200) as above_sma_200,
        count(close_high_252) as with_high_252,
        count(*) filter (where close >= close_high_252) as new_highs,
        count(*) filter (where close <= close_low_252) as new_lows
    from member_days
    group by universe, date
)

select * from counts
