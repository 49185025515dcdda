"""One line on stderr where a number looks like one in another unit; nothing is refused."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from nas.objectives import OBJECTIVES
from nas.quantities import format_quantity

if TYPE_CHECKING:
    from nas.engine.config import SearchConfig

__all__ = ["grid_hints", "hint", "limit_hints", "search_hints"]

_SHARES = ("accuracy", "AUC")  # their error is 1 less them
_LONG_S = 1.0
_FAR = 100.0  # a limit this many times above all that was seen limits nothing


def hint(lines: Iterable[str]) -> None:
    """Print them on stderr, where they do not disturb what is read by programs."""
    for line in lines:
        typer.echo(f"carbon-nas: {line}", err=True)


def limit_hints(
    limits: Mapping[str, float], *, largest_latency_s: float | None, metric: str
) -> Iterator[str]:
    """What looks wrong in upper bounds.

    Args:
        limits: By name or column of an objective, in the column's unit.
        largest_latency_s: Of what was seen, in s; None if unknown.
        metric: Of the task, from which its error follows.
    """
    for name, bound in limits.items():
        if name == "error" and metric in _SHARES and bound > 1.0:
            share = f", and {bound:g} % is {bound / 100:g}" if bound <= 100.0 else ""
            yield f"limit error={bound:g}: an error is at most 1{share}"
        is_latency = name in ("latency", OBJECTIVES["latency"].column)
        if is_latency and bound > max(_LONG_S, _FAR * (largest_latency_s or float("inf"))):
            yield (
                f"limit {name}={bound:g}: is in seconds and admits all, as the largest latency "
                f"is {format_quantity(largest_latency_s, 's')}; {bound:g} ms is {bound / 1000:g}"
            )


def grid_hints(grids: Iterable[Any]) -> Iterator[str]:
    """What looks wrong in grids, given as names, numbers or texts of numbers."""
    for given in grids:
        try:
            number = float(given)
        except (TypeError, ValueError):
            continue
        if 0.0 < number < 1.0:
            yield f"grid {given}: is below 1 g/kWh; is that kg/kWh? {1000 * number:g} is in g/kWh"


def search_hints(config: SearchConfig, latencies_s: Sequence[float] = ()) -> Iterator[str]:
    """What looks wrong in a configuration.

    Args:
        config: The configuration.
        latencies_s: Of networks of its space, where they were looked at.
    """
    cores = os.cpu_count() or 1
    if config.search.workers > cores:
        yield (
            f"workers {config.search.workers}: this machine has {cores} cores, which they share; "
            f"more than {cores} make no search faster"
        )
    grids = [config.search.on.grid, *(place.grid for place in config.deployments)]
    yield from grid_hints(dict.fromkeys(str(grid) for grid in grids))
    from nas.engine.plan import chosen

    yield from limit_hints(
        config.constraints,
        largest_latency_s=max(latencies_s, default=None),
        metric=chosen(config)[1].metric,
    )
