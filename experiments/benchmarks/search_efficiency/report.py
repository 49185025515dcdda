"""Medians over seeds, differences from ours on the same seeds, and the table of both."""

from __future__ import annotations

from typing import Any

import numpy as np

MARKS = (25, 50, 75, 100, 150, 200)
TARGETS = (0.9, 0.95, 0.99)
OURS = "ehvi"
_PAIRED = (25, 50, 100, 200)
_RESAMPLES = 4000


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians over the seeds of one method."""
    length = min(len(run["shares"]) for run in runs)
    shares = np.array([run["shares"][:length] for run in runs])
    reached = {
        str(target): [next((n + 1 for n, s in enumerate(row) if s >= target), None)
                      for row in shares.tolist()]
        for target in TARGETS
    }  # fmt: skip
    return {
        "at": {str(m): _median(shares[:, m - 1]) if m <= length else None for m in MARKS},
        "worst_at_200": round(float(shares[:, 199].min()), 4) if length >= 200 else None,
        "to": {target: _middle(counts) for target, counts in reached.items()},
        "step_ms": _median(np.array([run["step_ms"] for run in runs])),
        "distinct": int(np.median([run["distinct"] for run in runs])),
        "suggestions": int(np.median([run["suggestions"] for run in runs])),
        "seeds": len(runs),
        "chosen_truly": _median(np.array([run["chosen_truly"] for run in runs])),
        "apparent": _median(np.array([run["apparent"] for run in runs])),
        "cheapest_quarter": _median(np.array([run["cheapest_quarter"] for run in runs])),
        "beyond_reference": _median(np.array([run["beyond_reference"] for run in runs])),
    }


def _median(values: np.ndarray) -> float:
    return round(float(np.median(values)), 4)


def _middle(counts: list[int | None]) -> float | None:
    """Median where the half of the seeds that includes it got there."""
    ordered = sorted(np.inf if count is None else count for count in counts)
    middle = float(np.median(ordered))
    return None if np.isinf(middle) else middle


def print_table(methods: dict[str, Any]) -> None:
    marks = [str(mark) for mark in MARKS]
    print(f"{'method':<22}" + "".join(f"{m:>7}" for m in marks)
          + f"{'worst':>7}{'to 90%':>8}{'95%':>6}{'99%':>6}{'ms':>8}{'truly':>7}{'seems':>7}"
          + f"{'cheap':>7}{'beyond':>7}")  # fmt: skip
    for name, row in methods.items():
        if row is None:
            print(f"{name:<22} not run")
            continue
        cells = [row["at"][m] for m in marks] + [row["worst_at_200"]]
        text = "".join(f"{'-' if v is None else format(v, '.3f'):>7}" for v in cells)
        to = [row["to"][str(target)] for target in TARGETS]
        text += "".join(f"{'-' if v is None else format(v, '.0f'):>{w}}"
                        for v, w in zip(to, (8, 6, 6), strict=True))  # fmt: skip
        print(f"{name:<22}{text}{row['step_ms']:>8.1f}{row['chosen_truly']:>7.3f}"
              f"{row['apparent']:>7.3f}{row['cheapest_quarter']:>7.2f}"
              f"{row['beyond_reference']:>7.2f}")  # fmt: skip


def ahead(ours: list[dict[str, Any]], others: list[dict[str, Any]]) -> dict[str, Any]:
    """Ours less another method on the same seeds: mean with an interval of 95 %, at each mark.

    The interval is that of `interval`.
    """
    result: dict[str, Any] = {}
    by_seed = {run["seed"]: run["shares"] for run in ours}
    for mark in _PAIRED:
        both = [
            by_seed[run["seed"]][mark - 1] - run["shares"][mark - 1]
            for run in others
            if len(run["shares"]) >= mark and len(by_seed.get(run["seed"], ())) >= mark
        ]
        if len(both) < 2:
            result[str(mark)] = None
            continue
        result[str(mark)] = interval(np.array(both))
    return result


def interval(values: np.ndarray) -> list[float]:
    """Low end, mean and high end of an interval of 95 % of the mean of values of seeds.

    Source: percentiles of the mean over 4,000 draws of the seeds with replacement.
    """
    drawn = np.random.default_rng(0).choice(values, size=(_RESAMPLES, len(values))).mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return [round(float(value), 4) for value in (low, np.mean(values), high)]


def print_ahead(methods: dict[str, Any]) -> None:
    """Differences from ours, and how many times as many trainings the best rival needs."""
    rivals = {name: row for name, row in methods.items() if row is not None and "ours_ahead" in row}
    print(f"ours ahead by (mean, 95 %){''.join(f'{mark:>26}' for mark in _PAIRED)}")
    for name, row in rivals.items():
        cells = [row["ours_ahead"][str(mark)] for mark in _PAIRED]
        text = ["-" if c is None else f"{c[1]:.3f} ({c[0]:.3f} to {c[2]:.3f})" for c in cells]
        print(f"{name:<26}{''.join(f'{cell:>26}' for cell in text)}")
    own = methods[OURS]["to"] if methods.get(OURS) else {}
    for target, count in own.items():
        reached = {
            name: row["to"][target]
            for name, row in rivals.items()
            if row["to"][target] and not name.startswith(OURS)
        }
        if count and reached:
            best = min(reached, key=lambda name: reached[name])
            print(f"to {target}: ours {count:g}, best rival {best} {reached[best]:g}, "
                  f"ratio {reached[best] / count:.2f}")  # fmt: skip
        elif count:
            print(f"to {target}: ours {count:g}, no rival's median seed got there")
