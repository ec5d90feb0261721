"""The code location that `dagster dev` and `dg dev` load."""

from orchestration.build import build_defs

defs = build_defs()
