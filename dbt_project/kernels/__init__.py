"""Recursive and path-dependent indicator arithmetic as vector functions.

indicators.py     the arithmetic: numpy arrays in, preallocated numpy buffers out; knows no engine
volatility.py     the same for volatility from the ranges of bars
levels.py         the same for support and resistance
cross_section.py  the same for what several series say together
regime.py         the same for the regime model: ranks, the band, states with hysteresis and dwell
performance.py    the same for its validation: outcomes, challengers, block bootstrap
arrow.py          Arrow list columns to those arrays and back; arrow_levels.py for levels.py,
                  arrow_cross_section.py for cross_section.py, arrow_regime.py for regime.py,
                  arrow_performance.py for performance.py
brief.py          the market brief, from a session's facts and a template
duckdb_plugin.py  the SQL functions, and the dbt-duckdb plugin that registers them
"""
