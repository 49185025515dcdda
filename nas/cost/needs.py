"""What a device must be known by for an objective, and the refusal where it is not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hardware_profiles.deployment import Deployment
from hardware_profiles.profile import HardwareProfile
from nas.carbon.embodied import EmbodiedBasis, is_known
from nas.errors import DeploymentError
from nas.objectives import OBJECTIVES, Need

__all__ = ["check_needs", "lacking", "refused_objectives"]


def lacking(
    profile: HardwareProfile, basis: EmbodiedBasis = "bottom_up"
) -> Mapping[Need, tuple[str, ...]]:
    """The figures that a profile lacks, by what they are needed for; empty where it has all.

    Args:
        profile: A device.
        basis: What its embodied carbon is taken from.
    """
    found: dict[Need, tuple[str, ...]] = {}
    if profile.memory_bytes_per_s is None:
        found["rates"] = ("memory_bytes_per_s",)
    powers = {"idle_w": profile.idle_w, "load_w": profile.load_w}
    if None in powers.values():
        found["power"] = tuple(name for name, figure in powers.items() if figure is None)
    if not is_known(profile, basis):
        found["bill"] = ("bill_of_materials" if basis == "bottom_up" else "published_lca",)
    if profile.bill_of_materials is None:
        found["dies"] = ("bill_of_materials",)
    return found


def refused_objectives(profile: HardwareProfile, basis: EmbodiedBasis = "bottom_up") -> list[str]:
    """Names of the objectives that a device is refused for, in the order of the table."""
    known = lacking(profile, basis)
    return [row.name for row in OBJECTIVES.values() if any(need in known for need in row.needs)]


def check_needs(
    deployments: Iterable[Deployment],
    columns: Iterable[str],
    basis: EmbodiedBasis = "bottom_up",
) -> None:
    """Refuse a deployment on a device that lacks what one of the objectives needs.

    Args:
        deployments: Where networks are to run.
        columns: Columns of the objectives and limits asked for; those of no objective are passed.
        basis: What embodied carbon is taken from.

    Raises:
        DeploymentError: With the device, the figure it lacks, the objective, and what to do.
    """
    wanted = set(columns)
    rows = [row for row in OBJECTIVES.values() if row.column in wanted]
    for deployment in deployments:
        known = lacking(deployment.profile, basis)
        for row in rows:
            for need in row.needs:
                if need in known:
                    raise DeploymentError(
                        f"{deployment.label}: objective {row.name} needs"
                        f" {' and '.join(known[need])}, which {deployment.profile.name} lacks; add"
                        " it to its profile, leave the objective out, or take another device"
                    )
