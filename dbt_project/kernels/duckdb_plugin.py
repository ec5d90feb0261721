"""The kernels as SQL functions of DuckDB, and the dbt-duckdb plugin that installs them in dbt's connection.

profiles.yml: `plugins: [{module: dbt_project.kernels.duckdb_plugin}]`. Every list is one symbol's, by date:

    select symbol, unnest(dates) as date, unnest(k.sma_20) as sma_20, unnest(k.rsi_14) as rsi_14
    from (
        select symbol, list(date order by date) as dates,
            indicators_close(list(session order by date), list(close order by date)) as k
        from bars group by symbol
    )
"""

from dbt.adapters.duckdb.plugins import BasePlugin

from dbt_project.kernels import arrow, indicators

_SESSION = "INTEGER[]"
_VALUES = "DOUBLE[]"


def _struct(columns):
    return "STRUCT(" + ", ".join(f"{column} {_VALUES}" for column in columns) + ")"


SIGNATURES = {
    arrow.indicators_close: ([_SESSION, _VALUES], _struct(indicators.CLOSE_COLUMNS)),
    arrow.indicators_range: ([_SESSION, _VALUES, _VALUES, _VALUES], _struct(indicators.RANGE_COLUMNS)),
    arrow.indicators_return: ([_SESSION, _VALUES], _struct(indicators.RETURN_COLUMNS)),
    arrow.ema: ([_SESSION, _VALUES, "INTEGER"], _VALUES),
    arrow.rolling_percentile: ([_VALUES, "INTEGER", "INTEGER"], _VALUES),
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
