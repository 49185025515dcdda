"""What the report says, as numbers: choices, what carbon changed, what decides, progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hardware_profiles.ranges import figures_in
from nas.carbon import break_even
from nas.comparison import objective_values, usable_rows
from nas.deciding import ERROR_SLACK, reading
from nas.errors import SelectionError
from nas.objectives import objectives
from nas.pareto import hypervolume, non_dominated
from nas.pareto.fronts import scaled
from nas.selection import select

if TYPE_CHECKING:
    import pandas as pd

    from hardware_profiles.deployment import Deployment
    from hardware_profiles.profile import HardwareProfile

__all__ = [
    "Assumption",
    "Choice",
    "Deciding",
    "assumptions",
    "break_even_inferences",
    "choices",
    "deciding",
    "progress",
]


@dataclass(frozen=True)
class Choice:
    """One way to choose, and what it chooses.

    Attributes:
        name: Short name of the way.
        rule: The rule in words.
        row: The chosen row of scores; None if nothing qualifies.
    """

    name: str
    rule: str
    row: Mapping[str, Any] | None


def choices(scores: pd.DataFrame, names: Sequence[str]) -> tuple[Choice, ...]:
    """What a run yields under five ways to choose, over all its deployments.

    Args:
        scores: Scores of a run, with error, latency and carbon.
        names: Objectives that the run searched; the balanced choice weighs them.

    Returns:
        In this order: least error; least carbon at no more error than that; least latency and
        least carbon within `ERROR_SLACK` of the least error; the knee.
    """
    best = _select(scores, prefer=["error", "latency"])
    if best is None:
        return ()
    least = float(best["error"])
    near = least + ERROR_SLACK
    rule = f"within {ERROR_SLACK:g} of the least error"
    return (
        Choice("Accuracy alone", "least error; among equals the fastest", best),
        Choice(
            "Carbon, same accuracy",
            "least carbon at no more error than that",
            _select(scores, prefer=["carbon", "error"], error=least),
        ),
        Choice(
            "Latency",
            f"least latency {rule}",
            _select(scores, prefer=["latency", "error"], error=near),
        ),
        Choice(
            "Carbon",
            f"least carbon {rule}",
            _select(scores, prefer=["carbon", "error"], error=near),
        ),
        Choice("Balanced", f"knee of {', '.join(names)}", _select(scores, names=names)),
    )


def _select(
    scores: pd.DataFrame,
    *,
    names: Sequence[str] = ("error", "carbon"),
    prefer: str | Sequence[str] = "knee",
    error: float | None = None,
) -> Mapping[str, Any] | None:
    limits = {} if error is None else {"error": error}
    try:
        return select(scores, names, limits=limits, prefer=prefer).row
    except SelectionError:
        return None


def break_even_inferences(search_gco2e: float, old: Choice, new: Choice) -> float | None:
    """Inferences after which the search has repaid itself by the new choice over the old one.

    ``search / (carbon of the old - carbon of the new)``, per inference.

    Args:
        search_gco2e: Carbon of the search, g, >= 0.
        old: What would have been used otherwise.
        new: What the search offers.

    Returns:
        None unless the new choice saves carbon at no more error.
    """
    if old.row is None or new.row is None or not new.row["error"] <= old.row["error"]:
        return None
    saving = float(old.row["carbon_gco2e"]) > float(new.row["carbon_gco2e"])
    units = break_even(search_gco2e, 0.0, new.row["carbon_gco2e"], old.row["carbon_gco2e"])
    return float(units) if saving else None


@dataclass(frozen=True)
class Deciding:
    """What decides about carbon on one deployment.

    Attributes:
        deployment: Its label.
        kappa_w: Least and most of the models' kappa; None where electricity has no carbon. At
            fixed time carbon is E + (kappa + idle) x occupancy.
        idle_w: Idle and sleeping power that a busy second carries; None at fixed volume.
        power_spread_w: Load minus idle power of the device; None where either is unknown.
        agreement: Spearman's rank correlation of carbon and latency; None if undefined.
        fastest: Row of the least latency within the error limit; None if nothing qualifies.
        cleanest: Row of the least carbon within it.
        carbon_range: Most over least carbon of the models within the error limit; None if none.
        fixed_volume: Whether the demand is a number of inferences.
    """

    deployment: str
    kappa_w: tuple[float, float] | None
    idle_w: float | None
    power_spread_w: float | None
    agreement: float | None
    fastest: Mapping[str, Any] | None
    cleanest: Mapping[str, Any] | None
    carbon_range: float | None
    fixed_volume: bool

    def share(self, column: str) -> float | None:
        """Share of a part, such as ``idle_gco2e``, in the carbon of the cleanest row, 0..1."""
        if self.cleanest is None or not self.cleanest["carbon_gco2e"] > 0.0:
            return None
        return float(self.cleanest[column] / self.cleanest["carbon_gco2e"])

    @property
    def same_model(self) -> bool:
        """Whether the fastest and the cleanest are one model."""
        if self.fastest is None or self.cleanest is None:
            return False
        return bool(self.fastest["candidate"] == self.cleanest["candidate"])

    @property
    def verdict(self) -> str:
        """The reading of it, in a sentence or two."""
        alike = reading(self.agreement)
        return f"{self._weights} So {alike}." if alike else self._weights

    @property
    def _weights(self) -> str:
        made, idle = self.share("embodied_gco2e"), self.share("idle_gco2e")
        if made is None or idle is None:
            return "No trained model qualifies here."
        if made + idle == 0.0:
            return "Neither manufacture nor idling is charged here: energy decides."
        if self.fixed_volume:
            varies = _percent((self.carbon_range or 1.0) - 1.0)
            return (
                "Manufacture and idling are nearly the same for all models: near the best, carbon "
                f"varies by {varies}."
            )
        if made + idle >= 0.7:
            return (
                "Manufacture and idling outweigh computing, and both go with time: carbon ranks "
                "as latency does."
            )
        if made + idle >= 0.3:
            return "Time held and energy computed weigh alike: carbon is latency and energy mixed."
        return "Computing outweighs manufacture and idling: energy decides."


def deciding(
    scores: pd.DataFrame,
    deployments: Sequence[Deployment],
    about: Mapping[str, Any],
    *,
    fixed_volume: bool,
) -> tuple[Deciding, ...]:
    """Per deployment: kappa, rank agreement, and the fastest and cleanest model near the best.

    Args:
        scores: Scores of a run.
        deployments: Of the run, in its order.
        about: What weighs in carbon, as `nas.deciding.carbon_and_latency` gives it.
        fixed_volume: Whether the demand is a number of inferences.
    """
    usable, _ = usable_rows(scores, ["error", "latency", "carbon"])
    limit = float(usable["error"].min()) + ERROR_SLACK if len(usable) else 0.0
    found = []
    for deployment in deployments:
        rows = usable[usable["deployment"] == deployment.label] if len(usable) else usable
        profile = deployment.profile
        limits = about["kappa_range_w"].get(deployment.label)
        found.append(
            Deciding(
                deployment=deployment.label,
                kappa_w=None if limits is None else (limits[0], limits[1]),
                idle_w=about["idle_w"].get(deployment.label),
                power_spread_w=_spread(profile),
                agreement=about["rank_agreement"].get(deployment.label),
                fastest=_select(rows, prefer=["latency", "error"], error=limit),
                cleanest=_select(rows, prefer=["carbon", "error"], error=limit),
                carbon_range=_range(rows.loc[rows["error"] <= limit, "carbon_gco2e"]),
                fixed_volume=fixed_volume,
            )
        )
    return tuple(found)


def _spread(profile: HardwareProfile) -> float | None:
    idle, load = profile.idle_w, profile.load_w
    return None if idle is None or load is None else load.value - idle.value


def _range(values: pd.Series[Any]) -> float | None:
    return float(values.max() / values.min()) if len(values) and values.min() > 0.0 else None


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else "less than 1%"


def progress(
    scores: pd.DataFrame, names: Sequence[str]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """How the front grew with the trained candidates.

    Args:
        scores: Scores of a run, with the column ``order``.
        names: Objectives of the front.

    Returns:
        Number of candidates so far (1, 2, ...), and the hypervolume of their front as a share of
        its last value, 0..1; both empty without usable scores.
    """
    usable, _ = usable_rows(scores, names)
    if usable.empty:
        return np.zeros(0), np.zeros(0)
    values = objective_values(usable, objectives(names))
    # Beyond the worst of the final front nothing counts, so that poor models stretch no scale.
    counted = (values <= values[non_dominated(values)].max(axis=0)).all(axis=1)
    points = scaled(values[counted])
    orders = usable["order"].to_numpy()[counted]
    corner = np.full(values.shape[1], 1.1)
    decided = np.sort(scores["order"].unique())
    front = np.zeros((0, values.shape[1]))
    volumes = []
    for order in decided:
        front = np.concatenate([front, points[orders == order]])
        front = front[non_dominated(front)]
        volumes.append(hypervolume(front, corner))
    last = volumes[-1] or 1.0
    return np.arange(1, len(decided) + 1, dtype=np.float64), np.array(volumes) / last


@dataclass(frozen=True)
class Assumption:
    """A figure that nobody measured.

    Attributes:
        where: Device and key.
        value: Best estimate.
        low: Lower end of the plausible range.
        high: Upper end of it.
        source: Why it was assumed.
    """

    where: str
    value: float
    low: float | None
    high: float | None
    source: str


def assumptions(deployments: Sequence[Deployment]) -> tuple[Assumption, ...]:
    """Every figure behind the deployments whose basis is "assumed", once each.

    Args:
        deployments: Of a run.
    """
    found: dict[str, Assumption] = {}
    for deployment in deployments:
        for fact in (deployment.profile, deployment.grid):
            for path, figure in figures_in(fact).items():
                if figure.basis == "assumed":
                    where = f"{fact.name}: {path}"
                    found[where] = Assumption(
                        where, figure.value, figure.low, figure.high, figure.source
                    )
    return tuple(found.values())
