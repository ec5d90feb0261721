"""The `sample` source: a simulated market, offline and deterministic, made by a seeded model.

One hidden regime path drives everything that a real service would deliver. Nothing in it is a real
observation; the symbols of indices and funds are real only because formulas downstream name them. One module
a part of the market: clock (days and random streams), regimes, market (volatility), rates, stocks,
instruments, breadth, treasury, fed (balance sheet), fred (series), world (all of it, once), source (request,
fetch, parse).
"""

from assets.sources.sample.clock import SAMPLE_END, SAMPLE_START
from assets.sources.sample.source import SampleSource

__all__ = ["SAMPLE_END", "SAMPLE_START", "SampleSource"]
