"""Recursive and path-dependent indicator arithmetic as vector functions.

indicators.py     the arithmetic: numpy arrays in, preallocated numpy buffers out; knows no engine
arrow.py          Arrow list columns to those arrays and back
duckdb_plugin.py  the SQL functions, and the dbt-duckdb plugin that registers them
"""
