"""``hardware measure``: this machine as a profile, and a folder that measures another."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas.errors import HardwareError

if TYPE_CHECKING:
    from hardware_profiles.profile import HardwareProfile
    from nas.models.model_energy import Counter
    from nas.models.profiling import Measured, Model

__all__ = ["hardware_measure"]

_RUNTIMES = ("onnxruntime", "pytorch")
_DEVICES = ("cpu", "cuda")


def hardware_measure(
    out: Annotated[Path, typer.Option(help="Where this machine's profile goes.")] = Path(
        "my_host.yaml"
    ),
    spaces: Annotated[str, typer.Option(help="Spaces of the models, by commas.")] = "mbconv,resnet",
    task: Annotated[str, typer.Option(help="Gives their input and outputs.")] = "digits",
    models: Annotated[int, typer.Option(min=2, help="How many models.")] = 20,
    rounds: Annotated[int, typer.Option(min=2, help="Timings of each.")] = 50,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the runtime.")] = 1,
    runtime: Annotated[str, typer.Option(help="onnxruntime or pytorch.")] = "onnxruntime",
    device: Annotated[str, typer.Option(help="cpu, or cuda where PyTorch has it.")] = "cpu",
    remote: Annotated[
        Path | None, typer.Option(help="Write a folder to copy to a board instead.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the models.")] = 0,
) -> None:
    """Measure this machine: a profile, and a CSV file of models for `hardware calibrate`.

    Threads are pinned to as many processors. Powers, and the energy of each model, are measured
    where the machine counts energy (RAPL; nvidia-smi and NVML), else they stay assumed and unknown.
    With --remote nothing is measured here: the folder's measure.py does so where it is copied to.
    """
    if device not in _DEVICES:
        raise HardwareError(f"--device: got {device!r}; give {' or '.join(_DEVICES)}")
    if device == "cuda":
        from nas.models.gpu_profile import gpu_device

        gpu_device()
    if runtime not in _RUNTIMES:
        raise HardwareError(f"--runtime: got {runtime!r}; give {' or '.join(_RUNTIMES)}")
    if out.suffix not in (".yaml", ".yml"):
        raise HardwareError(f"--out: got {out}; name a .yaml file")
    drawn = _drawn(spaces.split(","), task, models, seed)
    try:
        if remote is not None:
            _write_remote(drawn, remote)
        else:
            _measure_here(drawn, out, rounds, threads, (runtime, device))
    except OSError as error:
        raise HardwareError(f"hardware measure: {error}; name a place that can be written") from (
            error
        )


def _drawn(names: list[str], task: str, count: int, seed: int) -> list[Model]:
    from nas.engine.own_files import find_space, find_task
    from nas.models.profiling import drawn_models

    spaces = {name: find_space(name) for name in names}
    return drawn_models(spaces, task, find_task(task), count=count, seed=seed)


def _write_remote(models: list[Model], folder: Path) -> None:
    from nas.models.profiling import write_remote_folder

    write_remote_folder(models, folder)
    typer.echo(f"written: {folder}; copy it to the device and run there: python measure.py")
    typer.echo("then here: carbon-nas hardware calibrate DEVICE measurements.csv")


def _measured(device: str, threads: int, rounds: int, name: str) -> tuple[Measured, Counter | None]:
    """The device, and what counts its energy."""
    from nas.models.gpu_profile import gpu_device, measured_gpu
    from nas.models.model_energy import card_counter, nvml_library, processor_counter
    from nas.models.profiling import measured_host

    if device == "cuda":
        card = gpu_device()
        return measured_gpu(card, rounds, name), card_counter(nvml_library(), card.index or 0)
    return measured_host(threads, rounds, name), processor_counter()


def _energy_line(profile: HardwareProfile) -> str:
    """What was learnt of the power."""
    if profile.kind != "host" and profile.tdp_w is not None:
        return f"energy: {profile.tdp_w.value:.3g} W of the card under load, by nvidia-smi"
    idle, load = profile.idle_w, profile.load_w
    if idle is None or load is None:
        return "energy: unknown, the card tells no power; give idle_w and load_w in the profile"
    if load.basis != "measured":
        return "energy: unknown, no counter can be read; the powers of the profile are assumed"
    return f"energy: {idle.value:.3g} W at rest, {load.value:.3g} W under load, by RAPL"


def _measure_here(
    models: list[Model], out: Path, rounds: int, threads: int, ran_on: tuple[str, str]
) -> None:
    import yaml

    from hardware_profiles.catalog import profile_to_dict
    from nas.models import board
    from nas.models.profiling import times_in, write_remote_folder

    runtime, device = ran_on
    table, layers = out.with_suffix(".csv"), out.with_name(f"{out.stem}_layers.csv")
    for path in (out, table, layers):
        path.open("a").close()
    found, counter = _measured(device, threads, rounds, out.stem)
    plain = profile_to_dict(found.profile)
    out.write_text(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100))
    with layers.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(found.layers[0]))
        writer.writeheader()
        writer.writerows(found.layers)
    with tempfile.TemporaryDirectory() as folder:
        rows = write_remote_folder(models, Path(folder))
        files = [Path(folder) / row["file"] for row in rows]
        took = times_in(
            runtime, models, files, threads=threads, rounds=rounds, device=device, counter=counter
        )
    board.write_measurements(table, rows, took.seen, took.ran, took.energy_j)
    typer.echo(f"rates: {board.verdict(found.apart)}")
    typer.echo(f"models: {board.verdict(board.disagreement(took.seen))}")
    typer.echo(_energy_line(found.profile))
    if took.energy_j is not None:
        typer.echo(f"energy of each model: counted over a second, energy_j in {table}")
    typer.echo(f"written: {out}, {table}, {layers}")
    typer.echo(f"fit its efficiencies: carbon-nas hardware calibrate {out} {table}")
