{#
The claims ledger: what market articles said, and the predicate that decides each claim. docs/claims.md says how to
add a row and what a predicate may be made of; macros/claims.sql refuses a wrong one, with its id, when dbt parses.

One YAML list. A claim belongs to the article above it. A list of windows (`sessions: [5, 20]`) makes one definition a
window, their ids ending in it. Prices are names of instruments: `SPY` is ln of its total-return price, `SPY/IWM` of
their ratio, so that their change over a window is a log return. Other series are SQL over columns of a published
table: `close / sma_50 - 1 from price_indicators(XLK)`.
#}
{% macro claims_ledger_text() %}
- list: risk_assets
  members: [SPY, QQQ, IWM, RSP, XLK, XLY, XLF, XLI, HYG, BTC-USD]
- list: sectors
  members: [XLB, XLC, XLE, XLF, XLI, XLK, XLP, XLRE, XLU, XLV, XLY]
- list: world
  members: [ACWI, VGK, EEM, EWJ]

- article: close_of_2026_01_30
  title: A market outlook after the close of Friday, 2026-01-30
  published: 2026-02-01
  speaks_of: 2026-01-30

- claim: c01
  statement: Pulse 61/100
  kind: level
  definitions:
  - {id: pulse, measure: level, of: pulse from regime_scores(v1), is: "61 ± 5"}
- claim: c02
  statement: 45 Moderate
  kind: level
  definitions:
  - id: score
    all:
    - {measure: level, of: volatility_score from regime_scores(v1), is: "[33, 66)"}
    - {measure: level, of: volatility_score from regime_scores(v1), is: "45 ± 5"}
- claim: c03
  statement: Risk Medium
  kind: level
  definitions:
  - {id: score, measure: level, of: risk_score from regime_scores(v1), is: "[35, 55)"}
- claim: c04
  statement: Direction → Neutral
  kind: level
  definitions:
  # bullish and up are 1, neutral and flat 0, bearish and down -1
  - {id: direction, measure: level, of: direction from regime_scores(v1), is: "= 0"}
  - {id: arrow, measure: level, of: arrow from regime_scores(v1), is: "= 0"}
- claim: c05
  statement: Threat 2/5
  kind: level
  definitions:
  - {id: level, measure: level, of: threat_level from regime_scores(v1), is: "= 2"}
- claim: c06
  statement: risk assets everywhere punched this week
  kind: change
  definitions:
  - id: week
    sessions: 5
    all:
    - {measure: share_falling, among: risk_assets, is: ">= 0.7"}
    - {measure: mean_change, among: risk_assets, is: "<= -0.01"}
- claim: c07
  statement: S&P resilient vs small caps this week
  kind: change
  definitions:
  - {id: week, measure: change, of: SPY/IWM, sessions: 5, is: "> 0"}
- claim: c08
  statement: spread at levels not seen since post-COVID melt-up
  kind: rank
  definitions:
  - {id: spread, measure: record, of: SPY/IWM, sessions: [21, 63, 126, 252], since: 2021-04-01, is: ">= 0"}
  - {id: ratio, measure: record, of: SPY/IWM, since: 2021-04-01, is: ">= 0"}
- claim: c09
  statement: small caps failed to outperform for years
  kind: change
  definitions:
  - {id: years, measure: change, of: IWM/SPY, sessions: [756, 1260, 2520], is: "< 0"}
- claim: c10
  statement: 'odds "more stacked than ever"'
  kind: opinion
  definitions:
  - {id: odds, not_testable: "it names no quantity that data could contradict"}
- claim: c11
  statement: TGA is rising
  kind: change
  definitions:
  - {id: change, measure: change, of: value from observations(TGA), sessions: [5, 20], is: "> 0"}
  - {id: wednesdays, measure: change, of: value from observations(TGA), weekday: 3, is: "> 0"}
  - {id: fridays, measure: change, of: value from observations(TGA), weekday: 5, is: "> 0"}
- claim: c12
  statement: drain of $64.3bn
  kind: change
  definitions:
  - id: nearest
    any:
    - {measure: change, of: value from observations(TGA), sessions: 5, is: "64.3 ± 0.5%"}
    - {measure: change, of: value from observations(TGA), sessions: 20, is: "64.3 ± 0.5%"}
    - {measure: change, of: value from observations(TGA), weekday: 3, is: "64.3 ± 0.5%"}
    - {measure: change, of: value from observations(TGA), weekday: 5, is: "64.3 ± 0.5%"}
    # the week of the Fed's balance sheet, from Thursday to Wednesday
    - {measure: change, of: value from observations(TGA), weekday: 3, from_weekday: 4, is: "64.3 ± 0.5%"}
- claim: c13
  statement: liquidity tightening
  kind: change
  definitions:
  - {id: net, measure: change, of: net_liquidity_bn from liquidity, sessions: [5, 20, 65], is: "< 0"}
- claim: c14
  statement: driven by Treasury settlements
  kind: relation
  definitions:
  - id: share
    measure: share_of_rise
    of: net_new_cash_bn from settlements
    against: value from observations(TGA)
    sessions: [5, 20]
    is: "> 0.5"
- claim: c15
  statement: small caps more sensitive to funding
  kind: relation
  definitions:
  - id: funding
    measure: beta
    of: IWM
    less: SPY
    against: sofr_effr_pp from rates_and_credit
    sessions: [252, 1260]
    take: low
    is: "> 0"
- claim: c16
  statement: small caps have higher beta
  kind: relation
  definitions:
  - id: beta
    all:
    - {measure: beta, of: IWM, against: SPY, sessions: 252, is: "> 1"}
    - {measure: beta, of: IWM, against: SPY, sessions: 63, is: "> 1"}
- claim: c17
  statement: weaker balance sheets
  kind: opinion
  definitions:
  - {id: fundamentals, not_testable: "the warehouse holds no balance sheets"}
- claim: c18
  statement: S&P powered by tech and energy
  kind: rank
  definitions:
  - id: top_three
    sessions: [21, 63]
    all:
    - {measure: rank, of: XLK, among: sectors, is: "<= 3"}
    - {measure: rank, of: XLE, among: sectors, is: "<= 3"}
- claim: c19
  statement: XLK $143.90
  kind: level
  definitions:
  - {id: close, measure: level, of: close from price_indicators(XLK), is: "143.90 ± 0.01"}
- claim: c20
  statement: XLK flat
  kind: change
  definitions:
  - {id: day, measure: level, of: abs(close / previous_close - 1) from price_indicators(XLK), is: "<= 0.0025"}
- claim: c21
  statement: energy holding up
  kind: change
  definitions:
  - {id: month, measure: change, of: XLE/SPY, sessions: 21, is: "> 0"}
- claim: c22
  statement: energy is a leading indicator
  kind: relation
  definitions:
  - {id: lead, measure: lead_lag, of: XLE/SPY, against: SPY, sessions: [21, 63], take: low, is: "> 0"}
- claim: c23
  statement: global risk assets under pressure
  kind: change
  definitions:
  - id: world
    sessions: [5, 21]
    all:
    - {measure: share_falling, among: world, is: "= 1"}
- claim: c24
  statement: central banks hold
  kind: change
  definitions:
  - {id: month, measure: change, of: value from observations(DFEDTARU), sessions: 21, is: "= 0"}
- claim: c25
  statement: fiscal authorities ramp up issuance
  kind: change
  definitions:
  - {id: on_year, measure: sum, of: net_new_cash_bn from settlements, days: 28, less_days_before: 364, is: "> 0"}
- claim: c26
  statement: market rewards size
  kind: change
  definitions:
  - {id: size, measure: change, of: SPY/RSP, sessions: [21, 63], is: "> 0"}
- claim: c27
  statement: in past cycles small caps led out of downturns
  kind: event
  definitions:
  - id: bear_markets
    measure: after_troughs
    of: IWM/SPY
    against: ^GSPC
    size: 0.2
    sessions: 126
    take: share_positive
    is: ">= 0.7"
  - id: corrections
    measure: after_troughs
    of: IWM/SPY
    against: ^GSPC
    size: 0.1
    sessions: 126
    take: share_positive
    is: ">= 0.7"
- claim: c28
  statement: '"not this time"'
  kind: change
  definitions:
  - {id: since_trough, measure: change, of: IWM/SPY, since: 2025-04-08, is: "< 0"}
- claim: c29
  statement: post-pandemic bid for size
  kind: change
  definitions:
  - id: since_2021
    since: 2021-03-15
    all:
    - {measure: change, of: IWM/SPY, is: "< 0"}
    - {measure: change, of: RSP/SPY, is: "< 0"}
- claim: c30
  statement: equity-bond correlation rising
  kind: change
  definitions:
  - {id: rho_21, measure: change, of: correlation_21 from correlations(SPY/TLT), sessions: 21, is: "> 0"}
  - {id: rho_63, measure: change, of: correlation_63 from correlations(SPY/TLT), sessions: 21, is: "> 0"}
- claim: c31
  statement: equity-crypto correlation rising
  kind: change
  definitions:
  - {id: rho_21, measure: change, of: correlation_21 from correlations(BTC-USD/SPY), sessions: 21, is: "> 0"}
  - {id: rho_63, measure: change, of: correlation_63 from correlations(BTC-USD/SPY), sessions: 21, is: "> 0"}
- claim: c32
  statement: correlations broadly rising
  kind: change
  definitions:
  - {id: mean_63, measure: change, of: mean_correlation_63 from cross_asset, sessions: 21, is: "> 0"}
  - {id: absorption, measure: level, of: absorption_shift from cross_asset, is: "> 0"}
- claim: c33
  statement: defensives rewarded
  kind: change
  definitions:
  - {id: sectors, measure: change, of: ln(ratio) from spreads(cyclicals_defensives), sessions: [5, 21], is: "< 0"}
- claim: c34
  statement: leverage punished
  kind: change
  definitions:
  - {id: credit, measure: change, of: HYG/LQD, sessions: 21, is: "< 0"}
  - {id: high_beta, measure: change, of: SPHB/SPLV, sessions: 21, is: "< 0"}
- claim: c35
  statement: issuance to stay high
  kind: level
  definitions:
  - {id: week_ahead, measure: mean_ratio, of: gross_7_days_bn from announced, sessions: 1, over: 252, is: ">= 1"}
  - {id: month_ahead, measure: mean_ratio, of: gross_30_days_bn from announced, sessions: 1, over: 252, is: ">= 1"}
- claim: c36
  statement: the Fed is not cutting
  kind: event
  definitions:
  # the committee decided on 2026-01-28
  - {id: last_decision, measure: change, of: value from observations(DFEDTARU), since: 2026-01-27, is: "= 0"}
- claim: c37
  statement: consolidating near ATH
  kind: level
  definitions:
  - id: near_high
    all:
    - {measure: level, of: drawdown from price_indicators(^GSPC), is: ">= -0.03"}
    - measure: range
      of: high from price_indicators(^GSPC)
      against: low from price_indicators(^GSPC)
      sessions: 20
      is: "<= 0.04"
- claim: c38
  statement: resistance 4,900–5,000
  kind: level
  definitions:
  # a zone is valid as the table levels has it: not broken, within reach, touched twice in a year
  - id: zone
    all:
    - {measure: level, of: (close - 5000) / atr_14 from price_indicators(^GSPC), is: "<= 0.25"}
    - {measure: level, of: (4900 - close) / atr_14 from price_indicators(^GSPC), is: "<= 5"}
    - measure: visits
      of: "least(high, 5000) - greatest(low, 4900) from price_indicators(^GSPC)"
      sessions: 252
      is: ">= 2"
- claim: c39
  statement: XLK above 50-dma
  kind: level
  definitions:
  - {id: average, measure: level, of: close / sma_50 - 1 from price_indicators(XLK), is: "> 0"}
- claim: c40
  statement: tech sector leadership
  kind: rank
  definitions:
  - {id: strength, measure: level, of: rs_ratio from sector_rotation(XLK), is: "> 100"}
  - {id: relative, measure: change, of: XLK/SPY, sessions: 63, is: "> 0"}
- claim: c41
  statement: Russell below 200-dma
  kind: level
  definitions:
  - {id: average, measure: level, of: close / sma_200 - 1 from price_indicators(IWM), is: "< 0"}
- claim: c42
  statement: no sign of small-cap reversal
  kind: event
  definitions:
  - {id: no_new_high, measure: visits, of: close - close_high_252 from price_indicators(IWM), sessions: 21, is: "= 0"}
- claim: c43
  statement: energy relative strength
  kind: change
  definitions:
  - {id: relative, measure: change, of: XLE/SPY, sessions: [5, 21, 63], is: "> 0"}
- claim: c44
  statement: healthcare catching a bid
  kind: change
  definitions:
  - {id: relative, measure: change, of: XLV/SPY, sessions: [5, 21], is: "> 0"}
- claim: c45
  statement: utilities catching a bid
  kind: change
  definitions:
  - {id: relative, measure: change, of: XLU/SPY, sessions: [5, 21], is: "> 0"}
- claim: c46
  statement: RSI mid-50s
  kind: level
  definitions:
  - {id: rsi, measure: level, of: rsi_14 from price_indicators(^GSPC), is: "[52.5, 57.5]"}
- claim: c47
  statement: volumes average
  kind: level
  definitions:
  - {id: volume, measure: mean_ratio, of: volume from price_indicators(SPY), sessions: 5, over: 63, is: "[0.9, 1.1]"}
- claim: c48
  statement: breadth narrowing
  kind: change
  definitions:
  - {id: above_50, measure: change, of: pct_above_50 from breadth(sp500), sessions: [10, 21], is: "< 0"}
  - {id: equal_weight, measure: change, of: RSP/SPY, sessions: [5, 21, 63], is: "< 0"}
- claim: c49
  statement: breadth already weak
  kind: level
  definitions:
  - id: above_200
    any:
    - {measure: level, of: pct_above_200 from breadth(sp500), is: "< 50"}
    - {measure: percentile, of: pct_above_200 from breadth(sp500), sessions: 1260, is: "< 40"}
- claim: c50
  statement: thin support, bounces sold
  kind: forecast
  definitions:
  - {id: next_bounce, measure: bounce, of: ^GSPC, size: 0.02, sessions: 10, is: ">= 0.5"}
- claim: c51
  statement: small caps a canary
  kind: relation
  definitions:
  - {id: lead, measure: lead_lag, of: IWM/SPY, past: 21, against: SPY, sessions: [21, 63], is: "> 0"}
- claim: c52
  statement: long S&P vs small caps is high-probability
  kind: forecast
  definitions:
  - {id: ahead, measure: forward, of: SPY/IWM, sessions: [21, 63, 100], is: "> 0"}
- claim: c53
  statement: long XLK vs small caps
  kind: forecast
  definitions:
  - {id: ahead, measure: forward, of: XLK/IWM, sessions: [21, 63, 100], is: "> 0"}
- claim: c54
  statement: wait for confirmed small-cap breakout
  kind: event
  definitions:
  # supported once what is waited for is there
  - {id: breakout, measure: level, of: small_cap_breakout from regime_scores(v1), is: "= 1"}
- claim: c55
  statement: hawkish surprise / yield spike would crack it
  kind: event
  definitions:
  - id: dgs2
    measure: after_shocks
    of: ^GSPC
    against: value from observations(DGS2)
    size: 2
    sessions: 21
    is: "< 0"
  - id: dgs10
    measure: after_shocks
    of: ^GSPC
    against: value from observations(DGS10)
    size: 2
    sessions: 21
    is: "< 0"
- claim: c56
  statement: dominance structural, not cyclical
  kind: relation
  definitions:
  # t of the change of the mean daily return of IWM/SPY: at a known date, and at the date that fits best (Andrews)
  - {id: since_2021, measure: break, of: IWM/SPY, since: 2021-03-15, is: "< -1.96"}
  - {id: best_date, measure: break, of: IWM/SPY, is: "< -2.95"}
{% endmacro %}
