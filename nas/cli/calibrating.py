"""``hardware calibrate``: a measurement file to a fitted profile."""

from __future__ import annotations

import csv
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli.options import JsonOption
from nas.errors import CalibrationError, CarbonNasError

if TYPE_CHECKING:
    from hardware_profiles.profile import HardwareProfile
    from nas.cost.calibration import Fit, Networks

__all__ = ["hardware_calibrate", "read_measurements"]

_LAYERS = ("space", "task", "architecture")
_TOTALS = ("macs", "activations", "params")
_FEW = 10


def hardware_calibrate(
    device: Annotated[str, typer.Argument(help="Its name, or a profile file.")],
    measurements: Annotated[Path, typer.Argument(help="CSV file; see docs/calibration.md.")],
    out: Annotated[Path | None, typer.Option(help="Where the new profile goes.")] = None,
    precision: Annotated[str | None, typer.Option(help="Measured; fp32 without it.")] = None,
    batch: Annotated[int, typer.Option(help="Inferences of one run, where layers are given.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Fit a device's efficiencies to measured models, and write the profile that follows.

    A row of the file is one model: latency_s, in seconds, and either space, task and architecture
    (JSON), or macs, activations, params and, where it is not 1, batch.
    """
    import yaml

    from hardware_profiles.catalog import profile_to_dict
    from hardware_profiles.deployment import Deployment
    from hardware_profiles.grid import custom_grid
    from nas.cost.calibrated import calibrated_profile
    from nas.cost.calibration import fit
    from nas.cost.devices import device as device_of
    from nas.cost.figures import compiled_figures

    profile = device_of(device)
    networks, seconds = read_measurements(measurements)
    used: Any = precision or ("fp32" if "fp32" in profile.precisions else profile.precisions[0])
    place = Deployment(profile.name, profile, used, custom_grid(0.0), batch=batch)
    found = fit(networks, seconds, compiled_figures([place]), profile)
    digest = hashlib.sha256(measurements.read_bytes()).hexdigest()
    source = f"{measurements.name} (sha256 {digest}), {len(seconds)} models, {used}"
    path = out or Path(f"{profile.name}_calibrated.yaml")
    fitted = calibrated_profile(profile, found, source, path.stem)
    facts = _summary(profile, fitted, found, seconds)
    path.write_text(
        yaml.safe_dump(profile_to_dict(fitted), sort_keys=False, allow_unicode=True, width=100)
    )
    typer.echo(json.dumps(facts | {"file": str(path)}) if as_json else "\n".join(_lines(facts)))
    if not as_json:
        typer.echo(f"written: {path}")


def read_measurements(path: Path) -> tuple[Networks, list[float]]:
    """The models of a measurement file and their latencies in seconds.

    Args:
        path: A CSV file with a header.

    Raises:
        CalibrationError: If it cannot be read, lacks a column, mixes both kinds of rows or has a
            number that is none; the line is named.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows = [(reader.line_num, row) for row in reader]
            columns = reader.fieldnames or []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CalibrationError(f"{path}: cannot be read ({error}); give a CSV file") from error
    if "latency_s" not in columns:
        raise CalibrationError(f"{path}: has no column latency_s; add it, in seconds")
    kinds = [kind for kind in (_LAYERS, _TOTALS) if all(name in columns for name in kind)]
    if len(kinds) != 1:
        raise CalibrationError(
            f"{path}: has columns {', '.join(columns)}; give latency_s and either"
            f" {', '.join(_LAYERS)} or {', '.join(_TOTALS)}"
        )
    if len(rows) < 2:
        raise CalibrationError(f"{path}: has {len(rows)} rows; measure ten models")
    seconds = [_positive(path, line, row, "latency_s") for line, row in rows]
    read = _by_layers if kinds[0] is _LAYERS else _by_totals
    return read(path, rows), seconds


def _positive(path: Path, line: int, row: Mapping[str, Any], name: str) -> float:
    text = row.get(name)
    try:
        value = float(text)  # type: ignore[arg-type]  # None raises TypeError
    except (TypeError, ValueError):
        value = math.nan
    if not (math.isfinite(value) and value > 0.0):
        raise CalibrationError(f"{path}, line {line}: {name} is {text!r}; give a number above 0")
    return value


_Rows = Sequence[tuple[int, Mapping[str, Any]]]


def _by_totals(path: Path, rows: _Rows) -> Networks:
    from nas.cost.totals import totals_of

    macs, activations, params = (
        [_positive(path, line, row, name) for line, row in rows] for name in _TOTALS
    )
    given = [dict(row) if row.get("batch") else {"batch": "1"} for _, row in rows]
    batch = [
        _positive(path, line, row, "batch") for (line, _), row in zip(rows, given, strict=True)
    ]
    return totals_of(macs, activations, params, batch)


def _by_layers(path: Path, rows: _Rows) -> Networks:
    from nas.cli.estimating import layers_of
    from nas.cost.stack import stack
    from nas.cost.workload import workload

    works = []
    for line, row in rows:
        space, task, architecture = (row[name] for name in _LAYERS)
        try:
            works.append(workload(layers_of(space, task, architecture, None, None)))
        except CarbonNasError as error:
            raise CalibrationError(f"{path}, line {line}: {error}") from error
    return stack(works)


def _summary(
    profile: HardwareProfile, fitted: HardwareProfile, found: Fit, seconds: Sequence[float]
) -> dict[str, Any]:
    from hardware_profiles.ranges import figures_in

    before, after = figures_in(profile), figures_in(fitted)
    errors = [abs(told / seen - 1.0) for told, seen in zip(found.left_out_s, seconds, strict=True)]
    return {
        "models": len(seconds),
        "cross_validated_median_error": float(median(errors)),
        "cross_validated_largest_error": float(max(errors)),
        "interval": math.expm1(found.reach * found.error_scale),
        "undetermined": list(found.undetermined),
        "figures": {
            name: {
                "before": before[name].value if name in before else None,
                **{key: getattr(figure, key) for key in ("value", "low", "high")},
            }
            for name, figure in after.items()
            if figure.basis == "calibrated"
        },
    }


def _lines(facts: Mapping[str, Any]) -> list[str]:
    rows = [
        f"  {name:<22} {_number(row['before']):>10} -> {row['value']:<10.4g}"
        f" ({row['low']:.4g} to {row['high']:.4g})"
        for name, row in facts["figures"].items()
    ]
    lines = [
        f"{facts['models']} models; each predicted by a fit that had not seen it: median error"
        f" {facts['cross_validated_median_error']:.1%}, largest"
        f" {facts['cross_validated_largest_error']:.1%}",
        *rows,
    ]
    if facts["undetermined"]:
        names = ", ".join(facts["undetermined"])
        lines.append(f"not determined by these models: {names}; they stay near what they were")
    if facts["models"] < _FEW:
        lines.append(f"fewer than {_FEW} models: the interval is a guess; measure more")
    return lines


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
