"""The configuration that `carbon-nas init` writes: small enough to run in minutes."""

import textwrap
from dataclasses import fields

from nas.models.recipe import Recipe
from nas.objectives import OBJECTIVES

__all__ = ["TEMPLATE"]

_START = "objectives: [error, latency, carbon]"
_LIST = textwrap.wrap(f"any of: {' '.join(OBJECTIVES)}", width=60, break_on_hyphens=False)
_OBJECTIVES = "\n".join(
    f"{start:{len(_START)}}   # {line}"
    for start, line in zip([_START, *[""] * (len(_LIST) - 1)], _LIST, strict=True)
)
_RECIPE = "\n#   ".join(
    textwrap.wrap(f"keys: {' '.join(field.name for field in fields(Recipe))}", width=90)
)

TEMPLATE = f"""\
# A search. `carbon-nas search THIS_FILE --dry-run` says what it would do; every key that is left
# out is written with its default into the run folder.

task: digits                  # `carbon-nas task list`
space: mbconv                 # `carbon-nas space list`

# What the service must deliver. Give the volume (inferences), or the share of time that the
# devices compute (busy_share), not both:  N * tau = D * LT * 3600 * u
demand:
  inferences: 1e8             # N, over the whole service life
  lifetime_years: 4           # LT, of each device
  devices: 1                  # D

# Where a chosen model may run. One training is scored on all of them.
deployments:
  - {{hardware: stm32l4r5, precision: int8, grid: us-caiso}}
  - {{hardware: rpi4, precision: int8, grid: us-caiso}}
  - {{hardware: rpi4, precision: fp32, grid: us-caiso}}

{_OBJECTIVES}
constraints: {{}}               # upper bounds, such as {{latency_s: 0.05, peak_memory_bytes: 64e6}}

search:
  sampler: ehvi               # tpe, nsga2, nsga3, gp, random
  seed: 0
  workers: 2                  # processes, one a core; each trains one candidate at a time
  fidelity: full              # or rungs: train a little, and one in three goes on
  on: {{hardware: host, grid: us-caiso}}   # this machine: the search's own carbon counts

# How candidates, and the exported model, are trained: the default of task and space with what is
# given here. A list is searched with the architecture, and the exported model keeps the choice.
#   {_RECIPE}
recipe: {{}}                    # such as {{epochs: [2, 6], precision: fp32}}
final_recipe: {{}}

budget: {{trainings: 24}}       # trainings, seconds, epochs, kwh, gco2e: whichever is met first
finalists: {{extra_seeds: 2, at_most: 8}}   # of the front, trained again: luck must not win
"""
