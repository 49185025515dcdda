"""The options and arguments that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nas.objectives import OBJECTIVES

__all__ = [
    "CsvOption",
    "GridOption",
    "HardwareOption",
    "InferencesOption",
    "JsonOption",
    "LifetimeOption",
    "NameArgument",
    "ObjectiveOption",
    "RunArgument",
]

NameArgument = Annotated[str, typer.Argument(help="Its name.")]
RunArgument = Annotated[Path, typer.Argument(help="A run folder.", metavar="RUN")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print CSV.")]
ObjectiveOption = Annotated[
    list[str] | None,
    typer.Option("--objective", "-o", help=f"One of {', '.join(OBJECTIVES)}; repeat for more."),
]
HardwareOption = Annotated[
    list[str] | None,
    typer.Option(help="Device, NAME, NAME:PRECISION or NAME:PRECISION:tTHREADS; repeat for more."),
]
GridOption = Annotated[
    list[str] | None, typer.Option(help="Grid, a name, gCO2e/kWh or a .yaml file; repeat for more.")
]
InferencesOption = Annotated[float | None, typer.Option(help="Inferences over the life.")]
LifetimeOption = Annotated[float | None, typer.Option(help="Service life of a device.")]
