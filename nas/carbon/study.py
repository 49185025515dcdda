"""What a carbon number is about: demand, functional unit, boundary, view and factor tables."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

from hardware_profiles.fab import FabTable, fab_table
from hardware_profiles.grid import GRID_TABLE
from nas.carbon.demand import Demand
from nas.carbon.embodied import EmbodiedBasis
from nas.carbon.quantity import quantity
from nas.errors import HardwareError, StudyError

__all__ = [
    "Baseline",
    "MemoryRule",
    "Study",
    "View",
    "study_from_dict",
    "study_to_dict",
]

View = Literal["footprint", "consequence"]
MemoryRule = Literal["smallest_variant", "as_built", "resident_share"]


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is used today, against which a consequence counts.

    Attributes:
        name: What it is, such as a candidate on a deployment.
        carbon_gco2e: Its carbon per inference under the same view, in g, >= 0.

    Raises:
        StudyError: If the name is empty or the carbon is negative or not finite.
    """

    name: str
    carbon_gco2e: float

    def __post_init__(self) -> None:
        _text("study.baseline.name", self.name)
        grams = quantity("study.baseline.carbon_gco2e", self.carbon_gco2e)
        if grams.ndim:
            raise StudyError(f"study.baseline.carbon_gco2e: got {grams.tolist()}; give a number")
        object.__setattr__(self, "carbon_gco2e", float(grams))


@dataclass(frozen=True, slots=True)
class Study:
    """Under what a carbon number holds; numbers compare only under equal hashes.

    Attributes:
        demand: Volume or time asked of the devices.
        functional_unit: What one carbon number is for.
        boundary: Which phases of the life cycle are inside.
        view: ``footprint``: average grid rates plus allocated embodied carbon; ``consequence``:
            marginal grid rates plus the whole of what is bought, against a baseline.
        fab_table: Name of the table of manufacturing factors, with its version, or a path to one.
        grid_table: Version of the shipped table of grid intensities.
        baseline: What is used today; given for a consequence, and only there.
        sunk: Names of hardware that is owned already: its embodied carbon is charged 0 and shown
            beside. Sorted.
        memory: What memory and storage of a device a model answers for: those of the
            ``smallest_variant`` of the device that holds it, those of the device ``as_built``, or
            its ``resident_share`` of these. Hardware already owned counts as built.
        embodied_basis: ``bottom_up`` from the bill of materials, or ``published``: the production
            phase of the maker's own assessment.

    Raises:
        StudyError: If a text is empty, a word is unknown, or view and baseline do not fit.
    """

    demand: Demand
    functional_unit: str = "one inference"
    boundary: str = (
        "manufacture and use of the devices; transport and end of life where their profiles know"
        " them"
    )
    view: View = "footprint"
    fab_table: str = "act-2022"
    grid_table: str = GRID_TABLE
    baseline: Baseline | None = None
    sunk: tuple[str, ...] = ()
    memory: MemoryRule = "smallest_variant"
    embodied_basis: EmbodiedBasis = "bottom_up"

    def __post_init__(self) -> None:
        if not isinstance(self.demand, Demand):
            raise StudyError(f"study.demand: got {self.demand!r}; give a Demand")
        for name in ("functional_unit", "boundary", "fab_table", "grid_table"):
            _text(f"study.{name}", getattr(self, name))
        for name, words in (
            ("view", get_args(View)),
            ("memory", get_args(MemoryRule)),
            ("embodied_basis", get_args(EmbodiedBasis)),
        ):
            if getattr(self, name) not in words:
                raise StudyError(
                    f"study.{name}: got {getattr(self, name)!r}; use {' or '.join(words)}"
                )
        self._check_baseline()
        if isinstance(self.sunk, str):
            raise StudyError(f"study.sunk: got {self.sunk!r}; give a list of hardware names")
        for name in self.sunk:
            _text("study.sunk", name)
        object.__setattr__(self, "sunk", tuple(sorted(set(self.sunk))))
        if self.embodied_basis == "published" and self.memory != "as_built":
            raise StudyError(
                f"study.memory: got {self.memory!r}, but a published assessment is of the device"
                " as it is built; set memory to as_built, or embodied_basis to bottom_up"
            )

    def _check_baseline(self) -> None:
        if self.baseline is not None and not isinstance(self.baseline, Baseline):
            raise StudyError(f"study.baseline: got {self.baseline!r}; give a Baseline")
        if self.view == "consequence" and self.baseline is None:
            raise StudyError(
                "study.baseline: missing, and a consequence is a change against what is used"
                " today; name it and give its carbon_gco2e"
            )
        if self.view == "footprint" and self.baseline is not None:
            raise StudyError(
                "study.baseline: given, but a footprint is not a change; set view to consequence,"
                " or leave it out"
            )

    @property
    def hash(self) -> str:
        """Twelve hex digits over every field; equal for equal studies in any process.

        A fab table enters with its version, one in a file of the user's with all its figures, also
        those of the table that it extends.

        Raises:
            HardwareError: If there is no such table or file.
        """
        if self.fab_table_sha256 is None:
            return _hash(self, self.fab_table, fab_table(self.fab_table).version)
        return _hash(self, "", _figures_sha256(fab_table(self.fab_table)))

    @property
    def fab_table_sha256(self) -> str | None:
        """Digest of the fab table's file; None for a table that comes with the package.

        Raises:
            HardwareError: If there is no such file.
        """
        if not self.fab_table.endswith((".yaml", ".yml")):
            return None
        try:
            return hashlib.sha256(Path(self.fab_table).read_bytes()).hexdigest()
        except OSError as error:
            raise HardwareError(
                f"{self.fab_table}: the fab table cannot be read ({error.strerror}); correct the"
                " path"
            ) from None

    @property
    def baseline_gco2e(self) -> float:
        """Carbon per inference of the baseline, in g; NaN without one."""
        return math.nan if self.baseline is None else self.baseline.carbon_gco2e


def _text(name: str, text: object) -> None:
    if not isinstance(text, str) or not text.strip():
        raise StudyError(f"{name}: got {text!r}; give a text")


@lru_cache(maxsize=8)
def _figures_sha256(table: FabTable) -> str:
    return hashlib.sha256(table.model_dump_json().encode()).hexdigest()


@lru_cache(maxsize=64)
def _hash(study: Study, table: str, version: str) -> str:
    plain = {**study_to_dict(study), "fab_table": [table, version]}
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def study_to_dict(study: Study) -> dict[str, Any]:
    """The study as plain data that `study_from_dict` reads back.

    Args:
        study: Any study.

    Returns:
        A dict of texts, numbers, lists and None, with demand and baseline as dicts.
    """
    return {**asdict(study), "sunk": list(study.sunk)}


def study_from_dict(plain: Mapping[str, Any]) -> Study:
    """The study that `study_to_dict` wrote, or that a configuration holds.

    Args:
        plain: Fields of `Study` by name, with those of `Demand` and `Baseline` under ``demand``
            and ``baseline``; a field with a default may be left out. Runs of before there were
            variants froze profiles without any, so that the default ``memory`` counts them as
            built, as they were.

    Raises:
        StudyError: If a key is unknown or missing, or a value is out of range.
    """
    known = _known("study", plain, Study)
    demand = known.pop("demand", None)
    if demand is None:
        raise StudyError("study.demand: missing; give lifetime_years and inferences or busy_share")
    values = _known("demand", demand, Demand)
    if "lifetime_years" not in values:
        raise StudyError("demand.lifetime_years: missing; give the service life in years")
    if known.get("baseline") is not None:
        baseline = _known("baseline", known["baseline"], Baseline)
        missing = [key for key in ("name", "carbon_gco2e") if key not in baseline]
        if missing:
            raise StudyError(f"study.baseline.{missing[0]}: missing; give it")
        known["baseline"] = Baseline(**baseline)
    return Study(Demand(**values), **known)


def _known(what: str, plain: Any, cls: type[Study | Demand | Baseline]) -> dict[str, Any]:
    if not isinstance(plain, Mapping):
        raise StudyError(f"{what}: got {plain!r}; give a mapping of keys to values")
    names = [field.name for field in fields(cls)]
    for key in plain:
        if key not in names:
            raise StudyError(f"{what}: {key!r} is unknown; the keys are {', '.join(names)}")
    return dict(plain)
