"""What decides about carbon on a device: kappa, rank agreement, and what each metric would pick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from nas.objectives import OBJECTIVES
from nas.pareto import rank_agreement
from nas.pareto.fronts import Values
from nas.quantities import format_quantity

__all__ = [
    "ERROR_SLACK",
    "Winner",
    "agreement_text",
    "carbon_and_latency",
    "energy_warnings",
    "more_carbon",
    "near_the_best",
    "reading",
    "winners",
]

# Models are compared in other objectives when at most this much worse than the best in error.
ERROR_SLACK = 0.02

# Sums in another order differ by this much; within it two numbers are one.
_ROUNDING = 1e-9

# Less carbon than this, as a share, is not worth a warning: it is lost in the printed digits.
_TELLING = 1e-3


def carbon_and_latency(rows: pd.DataFrame, fixed_volume: bool | None) -> dict[str, dict[str, Any]]:
    """By deployment, what weighs in carbon and whether it orders models as latency does.

    Args:
        rows: Usable scores; see `nas.comparison.usable_rows`.
        fixed_volume: Whether the demand is a number of inferences; None if unknown.

    Returns:
        By label of a deployment whose carbon and latency are known: ``kappa_w`` and ``idle_w``
        (watts: at fixed time carbon is E + (kappa + idle) x occupancy; None at fixed volume, and
        where electricity has no carbon),
        ``kappa_range_w`` (least and most of the models; None where electricity has no carbon),
        ``same_share`` (whether all models carry one embodied share), ``share_differs_with`` (what
        it differs with, in words; empty where it is the same), ``rank_agreement`` (Spearman's, of
        carbon and latency; None if undefined) and ``reading``, what an agreement of 1 means (None
        for less).
    """
    names = (
        "kappa_w", "idle_w", "kappa_range_w", "same_share", "share_differs_with",
        "rank_agreement", "reading",
    )  # fmt: skip
    found: dict[str, dict[str, Any]] = {name: {} for name in names}
    if rows.empty or not {"carbon_gco2e", "latency_s", "kappa_w"} <= set(rows):
        return found
    for group_label, group in rows.groupby("deployment", sort=False):
        label = str(group_label)
        pairs = group[["carbon_gco2e", "latency_s"]].astype("float64").dropna().to_numpy()
        if not len(pairs):  # A device whose powers or materials are not known.
            continue
        kappa = group["kappa_w"].to_numpy(dtype=np.float64)
        agreement = rank_agreement(pairs[:, 0], pairs[:, 1])
        found["rank_agreement"][label] = agreement
        found["reading"][label] = reading(agreement)
        found["kappa_w"][label] = None if fixed_volume else _common(kappa)
        found["kappa_range_w"][label] = _range(kappa)
        found["idle_w"][label] = None if fixed_volume else _common(_idle_w(group))
        found["same_share"][label] = _same_share(group)
        found["share_differs_with"][label] = _share_differs_with(group)
    return found


def reading(agreement: float | None) -> str | None:
    """What it means that carbon orders models as latency does; None where it does not."""
    if agreement is None or agreement < 1.0 - _ROUNDING:
        return None
    return "counting carbon changes nothing on this device"


def agreement_text(agreement: float | None) -> str:
    """A rank agreement in two decimals, or as many as it takes not to call 0.998 a 1."""
    if agreement is None:
        return "unknown"
    if reading(agreement) is not None:
        return "1.00"
    texts = [f"{agreement:.{digits}f}" for digits in (2, 3, 4)]
    return next((text for text in texts if not text.startswith("1")), "0.9999")


def _idle_w(rows: pd.DataFrame) -> Values:
    """Idle and sleeping power that a busy second carries, W: P_idle (p - u) / u + sleep."""
    names = ["energy_j", "idle_gco2e", "active_gco2e", "occupancy_s"]
    if not set(names) <= set(rows):
        return np.full(len(rows), np.nan)
    energy, idle, active, tau = rows[names].to_numpy(dtype=np.float64).T
    # Both grams are at the same grid and overhead, which cancel.
    watts: Values = energy * idle / np.where(active > 0.0, active * tau, np.nan)
    return watts


def _common(values: Values) -> float | None:
    """The value that all share, up to rounding; None if they differ or it is not finite."""
    low, high = float(values.min()), float(values.max())
    return high if np.isfinite(high) and high - low <= _ROUNDING * abs(high) else None


def _range(values: Values) -> list[float] | None:
    return [float(values.min()), float(values.max())] if np.isfinite(values).all() else None


def _same_share(rows: pd.DataFrame) -> bool | None:
    if "embodied_gco2e" not in rows:
        return None
    shares = rows["embodied_gco2e"].to_numpy(dtype=np.float64)
    return None if not np.isfinite(shares).all() else _common(shares) is not None


def _share_differs_with(rows: pd.DataFrame) -> list[str]:
    """Why models on one deployment carry unlike embodied shares."""
    if _same_share(rows) is not False:
        return []
    causes = {
        "device_embodied_gco2e": "the memory that a model needs",
        "devices": "the number of devices that it takes",
    }
    found = [
        said
        for column, said in causes.items()
        if column in rows and _common(rows[column].to_numpy(dtype=np.float64)) is None
    ]
    return found or ["its busy time"]


def near_the_best(rows: pd.DataFrame, slack: float = ERROR_SLACK) -> pd.DataFrame:
    """The rows whose error is at most `slack` above the least known one; all if none is known."""
    if rows.empty or "error" not in rows:
        return rows
    errors = rows["error"].to_numpy(dtype=np.float64)
    if not np.isfinite(errors).any():
        return rows
    # A limit that is a sum must not lose the model that it was made from.
    return rows.loc[errors <= float(np.nanmin(errors)) + slack + _ROUNDING]


@dataclass(frozen=True)
class Winner:
    """What one metric picks in one place.

    Attributes:
        where: Label of the deployment; None is all of them together.
        objective: Name of the metric.
        candidate: Key of the model with the least of it.
        deployment: Where that model runs.
        value: Its value of the metric, in the metric's unit.
        carbon_gco2e: Its carbon, per inference.
        times_least_carbon: That over the least carbon in this place, >= 1; None where that is 0.
    """

    where: str | None
    objective: str
    candidate: str
    deployment: str
    value: float
    carbon_gco2e: float
    times_least_carbon: float | None


def winners(
    rows: pd.DataFrame, names: Sequence[str], *, together: bool = True
) -> tuple[Winner, ...]:
    """What each metric would pick on each deployment, and what that costs in carbon.

    Args:
        rows: Usable scores with carbon; narrow them by `near_the_best` so that models of unlike
            error do not compete.
        names: Objectives; one that no row of a place knows is left out there.
        together: Whether to look at all deployments together as well, where there are several.

    Returns:
        Place by place, in each the metrics as named; among equals the one of least carbon.
    """
    places: list[tuple[str | None, pd.DataFrame]] = [
        (str(label), group) for label, group in rows.groupby("deployment", sort=False)
    ]
    if together and len(places) > 1:
        places.append((None, rows))
    return tuple(
        _winner(where, group, name)
        for where, group in places
        for name in names
        if OBJECTIVES[name].column in group and group[OBJECTIVES[name].column].notna().any()
    )


def _winner(where: str | None, rows: pd.DataFrame, name: str) -> Winner:
    column = OBJECTIVES[name].column
    row = _least(rows, column)
    carbon, least = float(row["carbon_gco2e"]), float(rows["carbon_gco2e"].min())
    return Winner(
        where=where,
        objective=name,
        candidate=str(row["candidate"]),
        deployment=str(row["deployment"]),
        value=float(row[column]),
        carbon_gco2e=carbon,
        times_least_carbon=carbon / least if least > 0.0 else None,
    )


def _least(rows: pd.DataFrame, column: str) -> pd.Series[Any]:
    """The row with the least of it; among equals the one of least carbon."""
    values = rows[column].to_numpy(dtype=np.float64)
    least = np.nanmin(values)
    equals = rows.loc[values <= least + _ROUNDING * abs(least)]
    row: pd.Series[Any] = equals.iloc[int(np.argmin(equals["carbon_gco2e"].to_numpy()))]
    return row


def energy_warnings(rows: pd.DataFrame, *, together: bool = True) -> tuple[str, ...]:
    """One line for each place where the model of least energy is not that of least carbon.

    What emits less than 0.1 % more is not told.

    Args:
        rows: Usable scores, of any error; those near the best are compared.
        together: Whether to look at all deployments together as well.
    """
    if rows.empty or not {"energy_j", "carbon_gco2e"} <= set(rows):
        return ()
    known = rows.dropna(subset=["energy_j", "carbon_gco2e"])
    picked = winners(near_the_best(known), ("energy", "carbon"), together=together)
    return tuple(
        f"warning: {_place(energy.where)} least energy ({_model(energy)}) is not least carbon "
        f"({_model(carbon)}), among models within {ERROR_SLACK:g} of the least error: it emits "
        f"{more_carbon(energy)} ({_grams(energy)} against {_grams(carbon)})"
        for energy, carbon in zip(picked[::2], picked[1::2], strict=True)
        if _tells(energy)
    )


def _tells(winner: Winner) -> bool:
    times = winner.times_least_carbon
    return winner.carbon_gco2e > 0.0 if times is None else times >= 1.0 + _TELLING


def _place(where: str | None) -> str:
    return "over all deployments" if where is None else f"on {where}"


def _model(winner: Winner) -> str:
    name = winner.candidate[:8]
    return name if winner.where is not None else f"{name} on {winner.deployment}"


def more_carbon(winner: Winner) -> str:
    """How much more carbon a pick emits than the least, such as ``15 % more``; "" for no more."""
    times = winner.times_least_carbon
    if times is None:
        return "more" if winner.carbon_gco2e > 0.0 else ""
    if times <= 1.0 + _ROUNDING:
        return ""
    if times >= 2.0:
        return f"{times:.3g} times as much"
    percent = 100.0 * (times - 1.0)
    if times < 1.0 + _TELLING:
        return "< 0.1 % more"
    return f"{percent:.0f} % more" if percent >= 10.0 else f"{percent:.2g} % more"


def _grams(winner: Winner) -> str:
    return format_quantity(winner.carbon_gco2e, "gCO2e")
