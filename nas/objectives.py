"""The one table of objectives, read by the engine, the command line, fronts and plots.

Adding an objective is adding a row whose column a score carries (`nas.cost.score`), and refuses
to be computed without.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from nas.errors import ConfigError, unknown_name

__all__ = ["OBJECTIVES", "Need", "Objective", "objectives", "unknown_objective"]

Need = Literal["rates", "power", "bill", "dies"]


@dataclass(frozen=True, slots=True)
class Objective:
    """One row of the table.

    Attributes:
        name: The word users write.
        column: Column of the scores table; its last part is the unit.
        label: For axes and table heads.
        unit: Unit as printed; "1" for a ratio.
        kind: How the value comes about: counted exactly, modelled, or trained.
        definition: Formula in words, with the source where it has one.
        direction: Every objective is minimised.
        needs: What a device must be known by for it: ``rates`` (compute and bandwidth), ``power``,
            ``bill`` (of materials, or a published assessment) and ``dies``; see `nas.cost.needs`.
    """

    name: str
    column: str
    label: str
    unit: str
    kind: Literal["exact", "modelled", "trained"]
    definition: str
    direction: Literal["minimize", "maximize"] = "minimize"
    needs: tuple[Need, ...] = ("rates", "power", "bill")


_ROWS = (
    Objective(
        "error", "error", "error", "1", "trained", "the task's minimised metric, >= 0", needs=()
    ),
    Objective(
        "latency", "latency_s", "latency", "s", "modelled", "response time of one inference",
        needs=("rates",),
    ),
    Objective(
        "energy", "energy_j", "energy", "J", "modelled", "active energy of one inference",
        needs=("rates", "power"),
    ),
    Objective(
        "peak_memory", "peak_memory_bytes", "peak memory", "bytes", "exact",
        "weights in memory plus peak live activations", needs=(),
    ),
    Objective(
        "operational", "operational_gco2e", "operational carbon", "gCO2e", "modelled",
        "(E + idle) x overhead x grid intensity, per inference", needs=("rates", "power"),
    ),
    Objective(
        "embodied", "embodied_gco2e", "embodied carbon", "gCO2e", "modelled",
        "share of the device's manufacture: ECF x D / N (ACT, Gupta et al. 2022)",
        needs=("rates", "bill"),
    ),
    Objective(
        "carbon", "carbon_gco2e", "carbon", "gCO2e", "modelled",
        "operational + embodied, per inference",
    ),
    Objective(
        "lifecycle", "lifecycle_gco2e", "life-cycle carbon", "gCO2e", "modelled",
        "one training in the search + N x operational + D x ECF, over the service's life",
    ),
    Objective(
        "sci", "sci_gco2e_per_inference", "SCI", "gCO2e/inference", "modelled",
        "(O + M) / R with R = inferences (ISO/IEC 21031:2024)",
    ),
    Objective(
        "edp", "edp_j_s", "EDP", "J s", "modelled", "energy x latency", needs=("rates", "power")
    ),
    Objective(
        "cdp", "cdp_gco2e_s", "CDP", "gCO2e s", "modelled",
        "embodied carbon of the devices x latency (ACT, Gupta et al. 2022)",
        needs=("rates", "bill"),
    ),
    Objective(
        "cep", "cep_gco2e_j", "CEP", "gCO2e J", "modelled",
        "embodied carbon of the devices x energy (ACT, Gupta et al. 2022)",
    ),
    Objective(
        "c2ep", "c2ep_gco2e2_j", "C2EP", "gCO2e^2 J", "modelled",
        "embodied carbon squared x energy (ACT, Gupta et al. 2022)",
    ),
    Objective(
        "ce2p", "ce2p_gco2e_j2", "CE2P", "gCO2e J^2", "modelled",
        "embodied carbon x energy squared (ACT, Gupta et al. 2022)",
    ),
    Objective(
        "tcdp", "tcdp_gco2e_s", "tCDP", "gCO2e s", "modelled",
        "(ECF x D + N x operational) x latency at fixed volume (Elgamal et al. 2023)",
    ),
    Objective("params", "params", "parameters", "1", "exact", "trainable parameters", needs=()),
    Objective(
        "macs", "macs", "MACs", "1", "exact", "multiply-accumulates of one inference", needs=()
    ),
    Objective(
        "die_area", "die_area_cm2", "die area", "cm2", "exact", "silicon of the device",
        needs=("dies",),
    ),
)  # fmt: skip

OBJECTIVES: dict[str, Objective] = {row.name: row for row in _ROWS}

# What else people call what is minimised here.
_MEANT = {
    "accuracy": "error",
    "acc": "error",
    "memory": "peak_memory",
    "size": "params",
    "parameters": "params",
    "flops": "macs",
    "area": "die_area",
}


def objectives(names: Iterable[str]) -> tuple[Objective, ...]:
    """The rows of the given names, in that order.

    Raises:
        ConfigError: If a name is unknown or given twice, or there is none.
    """
    chosen: list[Objective] = []
    for name in names:
        if name not in OBJECTIVES:
            raise ConfigError(f"{unknown_objective('objective', name)}: {', '.join(OBJECTIVES)}")
        if OBJECTIVES[name] in chosen:
            raise ConfigError(f"objectives: {name!r} is given twice; name it once")
        chosen.append(OBJECTIVES[name])
    if not chosen:
        raise ConfigError("objectives: none given; name at least one, such as error")
    return tuple(chosen)


def unknown_objective(kind: str, name: str, known: Iterable[str] = OBJECTIVES) -> str:
    """One line for a name that is no objective: the one that is meant, and what lists all.

    Args:
        kind: What the name was meant to be, such as ``"limit"``.
        name: What was given.
        known: All valid names.
    """
    meant = _MEANT.get(name)
    if meant is None:
        return unknown_name(kind, name, known, "carbon-nas front --help")
    return (
        f"{kind}: {name!r} is unknown; did you mean {meant!r}, which is minimised? "
        "`carbon-nas front --help` lists all"
    )
