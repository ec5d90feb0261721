{# each measure and what tells when it became known #}
{% set known_by = {
    'spy_vs_sma_200': 'spy_known_at',
    'spy_vs_sma_50': 'spy_known_at',
    'spy_sma_50_vs_200': 'spy_known_at',
    'spy_vs_high_252': 'spy_known_at',
    'pct_above_200': 'members_known_at',
    'pct_above_50': 'members_known_at',
    'pct_above_50_change_20': 'members_known_at',
    'rsp_spy_63': 'cap_vs_equal_known_at',
    'net_liquidity_20': 'net_liquidity_20_known_at',
    'net_liquidity_65': 'net_liquidity_65_known_at',
    'tga_20': 'tga_20_known_at',
    'sofr_effr': 'sofr_effr_known_at',
    'hy_oas': 'hy_oas_known_at',
    'hy_oas_change_20': 'hy_oas_change_20_known_at',
    'hyg_tlt_63': 'hyg_tlt_known_at',
    'iwm_spy_63': 'size_known_at',
    'iwm_spy_21': 'size_known_at',
    'iwm_vs_sma_200': 'iwm_known_at',
    'iwm_vs_prior_high_252': 'iwm_known_at',
    'vix': 'vix_known_at',
    'vix_vs_sma_63': 'vix_known_at',
    'spy_volatility_21': 'spy_known_at',
    'cyclicals_defensives_63': 'cyclicals_known_at',
    'cyclicals_defensives_21': 'cyclicals_known_at',
    'pct_sectors_above_50': 'sectors_known_at',
    'absorption_shift': 'sectors_9_known_at',
    'mean_correlation_63': 'cross_asset_known_at',
} %}

with sessions as (
    select * from {{ ref('int_calendar__sessions') }}
),

bars as (
    select * from {{ ref('stg_prices__bars') }}
    where close is not null
),

prices as (
    select * from {{ ref('price_indicators') }}
    where symbol in (select symbol from {{ ref('stg_reference__instruments') }})
),

breadth as (
    select * from {{ ref('breadth') }}
    where universe = 'sp500'
),

liquidity as (
    select * from {{ ref('liquidity') }}
),

rates as (
    select * from {{ ref('rates_and_credit') }}
),

spreads as (
    select * from {{ ref('spreads') }}
),

cross_asset as (
    select * from {{ ref('cross_asset') }}
),

latest_known as (
    select * from {{ ref('int_observations__latest_known') }}
),

baskets as (
    select * from {{ ref('baskets') }}
),

pairs as (
    select * from {{ ref('spread_pairs') }}
),

spells as (
    select * from {{ ref('stg_membership__spells') }}
),

-- whose bars stand behind a number
inputs as (
    select 'SPY' as input, 'SPY' as symbol
    union all
    select 'IWM' as input, 'IWM' as symbol
    union all
    select '^VIX' as input, '^VIX' as symbol
    union all
    select pair as input, {{ unnest_list(split_text("numerator || '+' || denominator", '+')) }} as symbol
    from pairs
    union all
    select basket as input, symbol
    from baskets
    union all
    select distinct 'members' as input, symbol
    from spells
    where index_id = 'sp500'
),

known_bars as (
    select
        bars.date,
        max(bars.known_at) filter (where inputs.input = 'SPY') as spy_known_at,
        max(bars.known_at) filter (where inputs.input = 'IWM') as iwm_known_at,
        max(bars.known_at) filter (where inputs.input = '^VIX') as vix_bar_known_at,
        max(bars.known_at) filter (where inputs.input = 'members') as members_known_at,
        max(bars.known_at) filter (where inputs.input = 'size') as size_known_at,
        max(bars.known_at) filter (where inputs.input = 'cap_vs_equal') as cap_vs_equal_known_at,
        max(bars.known_at) filter (where inputs.input = 'hyg_tlt') as hyg_tlt_known_at,
        max(bars.known_at) filter (where inputs.input = 'cyclicals_defensives') as cyclicals_known_at,
        max(bars.known_at) filter (where inputs.input = 'sectors') as sectors_known_at,
        max(bars.known_at) filter (where inputs.input = 'sectors_9') as sectors_9_known_at,
        max(bars.known_at) filter (where inputs.input = 'cross_asset') as cross_asset_known_at
    from bars
    inner join inputs on bars.symbol = inputs.symbol
    group by bars.date
),

known_observations as (
    select
        date,
        max(known_at) filter (where series_id = 'TGA') as tga_known_at,
        max(known_at) filter (where series_id = 'WALCL') as fed_assets_known_at,
        max(known_at) filter (where series_id in ('WALCL', 'TGA', 'RRPONTSYD')) as net_liquidity_known_at,
        max(known_at) filter (where series_id = 'BAMLH0A0HYM2') as hy_oas_known_at,
        max(known_at) filter (where series_id = 'VIXCLS') as vixcls_known_at,
        max(known_at) filter (where series_id = 'SOFR') as sofr_known_at,
        coalesce(
            max(known_at) filter (where series_id = 'EFFR' and value is not null),
            max(known_at) filter (where series_id = 'DFF')
        ) as effr_known_at
    from latest_known
    group by date
),

oldest_sectors as (
    select count(*) as funds from baskets
    where basket = 'sectors_9'
),

sector_counts as (
    select
        prices.date,
        count(prices.sma_50) filter (where baskets.basket = 'sectors_9') as oldest,
        count(prices.sma_50) filter (where baskets.basket = 'sectors') as with_sma_50,
        count(*) filter (where baskets.basket = 'sectors' and prices.close > prices.sma_50) as above_sma_50
    from prices
    inner join baskets on prices.symbol = baskets.symbol
    group by prices.date
),

-- a share of fewer than the oldest sectors would be one of what the source happens to have
sectors as (
    select
        sector_counts.date,
        100.0 * sector_counts.above_sma_50 / nullif(sector_counts.with_sma_50, 0) as pct_sectors_above_50
    from sector_counts
    inner join oldest_sectors on sector_counts.oldest = oldest_sectors.funds
),

ratios as (
    select
        date,
        max(log_spread_21) filter (where pair = 'size') as iwm_spy_21,
        max(log_spread_63) filter (where pair = 'size') as iwm_spy_63,
        max(log_spread_63) filter (where pair = 'cap_vs_equal') as rsp_spy_63,
        max(log_spread_63) filter (where pair = 'hyg_tlt') as hyg_tlt_63,
        max(log_spread_21) filter (where pair = 'cyclicals_defensives') as cyclicals_defensives_21,
        max(log_spread_63) filter (where pair = 'cyclicals_defensives') as cyclicals_defensives_63
    from spreads
    group by date
),

-- every session, so that k rows back is k sessions back and a gap is seen
on_sessions as (
    select
        sessions.date,
        sessions.session_number,
        spy.close / nullif(spy.sma_200, 0) - 1 as spy_vs_sma_200,
        spy.close / nullif(spy.sma_50, 0) - 1 as spy_vs_sma_50,
        spy.sma_50 / nullif(spy.sma_200, 0) - 1 as spy_sma_50_vs_200,
        spy.close / nullif(spy.close_high_252, 0) - 1 as spy_vs_high_252,
        breadth.pct_above_200,
        breadth.pct_above_50,
        breadth.pct_above_50 - lag(breadth.pct_above_50, 20) over in_order as pct_above_50_change_20,
        ratios.rsp_spy_63,
        liquidity.net_liquidity_change_20_bn / nullif(liquidity.fed_assets_bn, 0) as net_liquidity_20,
        liquidity.net_liquidity_change_65_bn / nullif(liquidity.fed_assets_bn, 0) as net_liquidity_65,
        liquidity.tga_change_20_bn / nullif(liquidity.fed_assets_bn, 0) as tga_20,
        rates.sofr_effr_pp as sofr_effr,
        rates.hy_oas_pp as hy_oas,
        rates.hy_oas_pp - lag(rates.hy_oas_pp, 20) over in_order as hy_oas_change_20,
        ratios.hyg_tlt_63,
        ratios.iwm_spy_63,
        ratios.iwm_spy_21,
        iwm.close / nullif(iwm.sma_200, 0) - 1 as iwm_vs_sma_200,
        iwm.close / nullif(lag(iwm.high_252) over in_order, 0) - 1 as iwm_vs_prior_high_252,
        rates.vix,
        case
            when count(rates.vix) over last_63 = 63 then rates.vix / nullif(avg(rates.vix) over last_63, 0)
        end as vix_vs_sma_63,
        spy.volatility_21 as spy_volatility_21,
        ratios.cyclicals_defensives_63,
        ratios.cyclicals_defensives_21,
        sectors.pct_sectors_above_50,
        cross_asset.absorption_shift,
        cross_asset.mean_correlation_63,
        known_bars.spy_known_at,
        known_bars.iwm_known_at,
        known_bars.members_known_at,
        known_bars.size_known_at,
        known_bars.cap_vs_equal_known_at,
        known_bars.hyg_tlt_known_at,
        known_bars.cyclicals_known_at,
        known_bars.sectors_known_at,
        known_bars.sectors_9_known_at,
        known_bars.cross_asset_known_at,
        greatest(
            known_observations.net_liquidity_known_at,
            lag(known_observations.net_liquidity_known_at, 20) over in_order
        ) as net_liquidity_20_known_at,
        greatest(
            known_observations.net_liquidity_known_at,
            lag(known_observations.net_liquidity_known_at, 65) over in_order
        ) as net_liquidity_65_known_at,
        greatest(
            known_observations.tga_known_at,
            known_observations.fed_assets_known_at,
            lag(known_observations.tga_known_at, 20) over in_order
        ) as tga_20_known_at,
        greatest(known_observations.sofr_known_at, known_observations.effr_known_at) as sofr_effr_known_at,
        known_observations.hy_oas_known_at,
        greatest(
            known_observations.hy_oas_known_at,
            lag(known_observations.hy_oas_known_at, 20) over in_order
        ) as hy_oas_change_20_known_at,
        coalesce(known_bars.vix_bar_known_at, known_observations.vixcls_known_at) as vix_known_at
    from sessions
    left join prices as spy on sessions.date = spy.date and spy.symbol = 'SPY'
    left join prices as iwm on sessions.date = iwm.date and iwm.symbol = 'IWM'
    left join breadth on sessions.date = breadth.date
    left join liquidity on sessions.date = liquidity.date
    left join rates on sessions.date = rates.date
    left join ratios on sessions.date = ratios.date
    left join cross_asset on sessions.date = cross_asset.date
    left join sectors on sessions.date = sectors.date
    left join known_bars on sessions.date = known_bars.date
    left join known_observations on sessions.date = known_observations.date
    window
        in_order as (order by sessions.session_number),
        last_63 as (order by sessions.session_number rows between 62 preceding and current row)
),

measures as (
    {% for measure, known_at in known_by.items() %}
        select
            date,
            session_number,
            '{{ measure }}' as measure,
            {{ measure }} as value,
            case when {{ measure }} is not null then {{ known_at }} end as known_at
        from on_sessions
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

started as (
    select min(date) as first_date from measures
    where value is not null
)

select
    measures.date,
    measures.session_number,
    measures.measure,
    measures.value,
    measures.known_at
from measures
inner join started on measures.date >= started.first_date
