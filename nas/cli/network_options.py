"""The options by which commands are given one network: a file, an architecture or a candidate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "ArchitectureOption",
    "BesideOption",
    "CandidateOption",
    "FromRunOption",
    "NetworkFile",
    "SizeOption",
    "SpaceOption",
    "TaskOption",
]

NetworkFile = Annotated[
    Path | None, typer.Argument(help="FILE.onnx, FILE.pt2 or FILE.py:FUNCTION.", metavar="FILE")
]
SpaceOption = Annotated[str | None, typer.Option(help="Search space of the architecture.")]
TaskOption = Annotated[str | None, typer.Option(help="Task that gives input and outputs.")]
ArchitectureOption = Annotated[
    str | None, typer.Option(help="Its choices: JSON text, or a JSON or YAML file.")
]
FromRunOption = Annotated[Path | None, typer.Option(help="Take the architecture from this run.")]
CandidateOption = Annotated[str | None, typer.Option(help="Which candidate of the run.")]
BesideOption = Annotated[
    list[str] | None,
    typer.Option(help="Another model on the device, FILE.onnx=INFERENCES_PER_S; repeat for more."),
]
SizeOption = Annotated[
    list[str] | None, typer.Option(help="Free axis of the file, AXIS=NUMBER; repeat for more.")
]
