"""The kernels as SQL functions of DuckDB, and the dbt-duckdb plugin that installs them in dbt's connection.

profiles.yml: `plugins: [{module: dbt_project.kernels.duckdb_plugin}]`. Every list is one symbol's, by date:

    select series_id, unnest(dates) as date, unnest(k) as ema_10
    from (
        select series_id, list(date order by date) as dates,
            ema(list(session order by date), list(value order by date), 10) as k
        from observations group by series_id
    )
"""

import pyarrow as pa
from dbt.adapters.duckdb.plugins import BasePlugin

from dbt_project.kernels import (
    arrow,
    arrow_cross_section,
    arrow_levels,
    arrow_performance,
    arrow_regime,
    brief,
    cross_section,
    performance,
    regime,
    volatility,
)

_SESSION = "INTEGER[]"
_VALUES = "DOUBLE[]"
_BAR = (
    "STRUCT(date DATE, session_number INTEGER, open DOUBLE, high DOUBLE, low DOUBLE, close DOUBLE, adj_close DOUBLE, "
    "volume DOUBLE)"
)


def _struct(columns, **others):
    fields = dict.fromkeys(columns, _VALUES) | others
    return "STRUCT(" + ", ".join(f"{name} {kind}" for name, kind in fields.items()) + ")"


SIGNATURES = {
    arrow.price_indicators: (
        [_BAR + "[]", "INTEGER", _VALUES],
        _struct(arrow.PRICE_COLUMNS, state="DOUBLE[][]"),
    ),
    arrow.ema: ([_SESSION, _VALUES, "INTEGER"], _VALUES),
    arrow.rolling_percentile: ([_VALUES, "INTEGER", "INTEGER"], _VALUES),
    arrow.range_volatility: ([_SESSION, *[_VALUES] * 4], _struct(volatility.RANGE_VOLATILITY_COLUMNS)),
    arrow_levels.price_levels: (
        ["DATE[]", *[_SESSION] * 3, *[_VALUES] * 5, "DOUBLE", "INTEGER", "INTEGER"],
        _struct((), **arrow_levels.FIELDS),
    ),
    arrow_cross_section.rolling_z_score: ([_VALUES, "INTEGER"], _VALUES),
    arrow_cross_section.chain_product: ([_VALUES], _VALUES),
    arrow_cross_section.rolling_pair: ([_VALUES, _VALUES, "INTEGER", "INTEGER"], _struct(cross_section.PAIR_COLUMNS)),
    arrow_cross_section.relative_rotation: ([_VALUES], _struct(cross_section.ROTATION_COLUMNS)),
    arrow_cross_section.systemic_risk: ([_VALUES + "[]"], _struct(cross_section.RISK_COLUMNS)),
    arrow_cross_section.lead_lag: ([_VALUES, _VALUES], _struct(cross_section.LEAD_LAG_COLUMNS)),
    arrow_regime.rolling_rank: ([_VALUES, "INTEGER", "INTEGER", "DOUBLE"], _struct(regime.RANK_COLUMNS)),
    arrow_regime.weight_band: (
        [_VALUES + "[]", _VALUES, "INTEGER", "INTEGER", "BIGINT", "DOUBLE", "DOUBLE"],
        _struct(regime.BAND_COLUMNS),
    ),
    arrow_regime.pulse_direction: ([_VALUES, *["DOUBLE"] * 4, "INTEGER"], _VALUES),
    arrow_regime.threat_level: ([_VALUES, _VALUES, "DOUBLE", "INTEGER"], _VALUES),
    arrow_regime.first_match: ([_VALUES + "[]", _VALUES + "[]", "INTEGER"], _VALUES),
    arrow_performance.forward_outcomes: ([_VALUES, "INTEGER"], _struct(performance.OUTCOME_COLUMNS)),
    arrow_performance.challenger_states: (
        [_VALUES, _VALUES, "INTEGER", "DOUBLE", "BIGINT"],
        _struct(performance.CHALLENGER_COLUMNS),
    ),
    arrow_performance.block_bootstrap: (
        [_VALUES, _VALUES + "[]", _VALUES, "INTEGER", "INTEGER", "BIGINT", "DOUBLE", "DOUBLE"],
        _struct((), **dict.fromkeys(performance.INTERVAL_COLUMNS, "DOUBLE")),
    ),
    brief.market_brief_text: (["VARCHAR"], "STRUCT(headline VARCHAR, body_markdown VARCHAR)"),
}


def register(connection):
    """Install the functions in the open database: all its connections and cursors see them.

    Another connection of this process to the same file may have installed them before; those stay.
    """
    installed = connection.execute("select function_name from duckdb_functions()").fetchall()
    for function, (parameters, result) in SIGNATURES.items():
        if (function.__name__,) not in installed:
            # special: null arguments and null elements arrive here instead of making the result null.
            connection.create_function(
                function.__name__, function, parameters, result, type="arrow", null_handling="special"
            )


class Plugin(BasePlugin):
    def configure_connection(self, conn):
        register(conn)
        # numba takes half a second for the first function: at the start, as an import, and in no model's time
        arrow.price_indicators(pa.array([], arrow.BARS), pa.array([], pa.int32()), pa.array([], pa.list_(pa.float64())))
