"""Published tables of latency as networks, seconds and devices, whatever device they are of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from cells import cell_networks, computes_nothing, operation_counts
from devices import batch_of
from readings import reading_of
from transformers import transformer

from hardware_profiles.profile import PRECISIONS
from nas.cost.calibration import Networks
from nas.cost.stack import stack
from nas.cost.totals import Totals

Numbers = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]

_TIMM = ("model", "img_size", "params_m", "batch_size", "step_time_ms", "device", "dtype", "mode")
_TRAINING = 3.0  # a step: forward, gradients of activations, gradients of weights
_TRANSFORMER_TOTAL = "latency_ms_total"


@dataclass(frozen=True, eq=False)
class Table:
    """One device of one table.

    Attributes:
        name: Of the table; of the file, or of the column where a file has several.
        device: As the table names it.
        precision: Of the measurements, as far as the table tells.
        networks: The distinct networks.
        which: Shape (W,): the network of each row.
        seconds: Shape (W,): of a whole batch, as measured.
        batch: Shape (W,); what times are divided by.
        run_batch: Of the deployment where networks are known by layers.
        counts: Shape (W, features): what a linear fit is given; the first column is 1.
        setting: What rows of two tables must share for one to tell of the other.
        models: Names of the rows, where the table has them.
        accuracy: Shape (W,), or None where the table holds none.
        note: How rows became networks.
        threads: Of the runtime; None where no document tells, which takes all cores.
    """

    name: str
    device: str
    precision: str
    networks: Networks
    which: Rows
    seconds: Numbers
    batch: Numbers
    run_batch: int
    counts: Numbers
    setting: tuple[str, ...]
    models: tuple[tuple[str, int], ...]
    accuracy: Numbers | None
    note: str
    threads: int | None = None


def read_tables(folder: Path | None, cells: Path | None) -> tuple[list[Table], list[str]]:
    """All tables of known formats in a folder, and a cell table; and what was not understood."""
    found: list[Table] = []
    unknown = []
    paths = [] if folder is None else sorted([*folder.glob("*.csv"), *folder.glob("*.csv.gz")])
    frames = {path: pd.read_csv(path) for path in paths}
    timm = {path: frame for path, frame in frames.items() if set(_TIMM) <= set(frame)}
    totals = [frame for frame in timm.values() if "gmacs" in frame]
    for path, frame in frames.items():
        name = path.name.removesuffix(".gz").removesuffix(".csv")
        if path in timm:
            found.append(_timm(name, frame, totals))
        elif _TRANSFORMER_TOTAL in frame and "encoder_embed_dim" in frame:
            found.append(_transformers(name, frame))
        elif {"e0", "e5"} <= set(frame):
            found += _cells(name, frame)
        else:
            unknown.append(f"{name}: no latency table of a known format")
    if cells is not None:
        found += _cells(cells.name.removesuffix(".gz").removesuffix(".csv"), pd.read_csv(cells))
    return found, unknown


def _timm(name: str, frame: pd.DataFrame, totals: Sequence[pd.DataFrame]) -> Table:
    note = "from GMACs, MActs and params"
    if "gmacs" not in frame:
        keys = ["model", "img_size"]
        known = pd.concat(totals)[[*keys, "gmacs", "macts"]].drop_duplicates(keys)
        frame = frame.merge(known, on=keys, how="left")
        note += " (GMACs and MActs of the same models in the other tables)"
    rows = frame.dropna(subset=["gmacs", "macts", "params_m", "step_time_ms"])
    note += f"; {len(frame) - len(rows)} rows without" if len(rows) < len(frame) else ""
    first = rows.iloc[0]
    training = _TRAINING if first["mode"] == "train" else 1.0
    # Printed with two decimals: what is shown as 0 is taken for half a last digit.
    macs, activations = rows["gmacs"].clip(lower=0.005), rows["macts"].clip(lower=0.005)
    networks = Totals(
        macs=macs.to_numpy() * 1e9 * training,
        activations=activations.to_numpy() * 1e6 * training,
        params=rows["params_m"].to_numpy() * 1e6 * training,
        batch=rows["batch_size"].to_numpy(dtype=np.float64),
    )
    counts = np.stack([np.ones(len(rows)), macs, activations, rows["params_m"]], axis=1)
    precision = next((p for p in PRECISIONS[1:] if p in str(first["dtype"])), "fp32")
    keys = [key for key in ("dtype", "layout", "mode", "compiler") if key in rows]
    return Table(
        name=name,
        device=str(first["device"]),
        precision="fp16" if str(first["dtype"]) == "amp" else precision,
        networks=networks,
        which=np.arange(len(rows)),
        seconds=rows["step_time_ms"].to_numpy() * 1e-3,
        batch=networks.batch,
        run_batch=1,
        counts=counts * networks.batch[:, None],
        setting=tuple(str(first[key]) for key in keys),
        models=tuple(zip(rows["model"], rows["img_size"], strict=True)),
        accuracy=None,
        note=note,
    )


def _transformers(name: str, frame: pd.DataFrame) -> Table:
    built = [transformer(row) for row in frame.to_dict("records")]
    features = frame.loc[:, :"decoder_arbitrary_ende_attn_avg"].to_numpy(dtype=np.float64)
    return Table(
        name=name,
        device=str(frame["device"].iloc[0]),
        precision="fp32",
        networks=stack([work for work, _ in built], [repeats for _, repeats in built]),
        which=np.arange(len(frame)),
        seconds=frame[_TRANSFORMER_TOTAL].to_numpy() * 1e-3,
        batch=np.ones(len(frame)),
        run_batch=1,
        counts=np.column_stack([np.ones(len(frame)), features]),
        setting=(),
        models=(),
        accuracy=None,
        note="layers with the averages of each row, which are fractions",
    )


def _cells(name: str, frame: pd.DataFrame) -> Iterator[Table]:
    codes = frame[[f"e{edge}" for edge in range(6)]].to_numpy()
    accuracy = next((frame[key].to_numpy() for key in frame if key.startswith("acc_")), None)
    for column in [key for key in frame if key.startswith("lat_ms_")]:
        device = column.removeprefix("lat_ms_")
        told = reading_of(device)
        seconds = frame[column].to_numpy(dtype=np.float64) * 1e-3
        known = np.isfinite(seconds) & (seconds > 0.0)
        run, notes = codes, []
        once = told.once_a_class
        if once is None and "rep_arch_idx" in frame:
            once = _once_a_class(frame["rep_arch_idx"], frame[column])
        if once and "rep_arch_idx" in frame:
            order = {index: row for row, index in enumerate(frame["arch_idx"])}
            run = codes[[order[index] for index in frame["rep_arch_idx"]]]
            notes.append("measured once a class of equal cells: that of its representative")
        folded, nothing = told.folded, computes_nothing(run) & known
        if folded is None:
            folded = bool(nothing.any()) and _none_is_free(seconds, nothing)
        notes.append("products with zero are folded away" if folded else "every edge runs")
        seen = [told.once_a_class, told.folded].count(None)
        notes.append((f"as documented: {told.source}",
                      f"in part as seen in the table; {told.source}",
                      "as seen in the table")[seen])  # fmt: skip
        networks, which = cell_networks(run[known], folded=folded)
        yield Table(
            name=f"{name}/{device}",
            device=device,
            precision="fp32",
            networks=networks,
            which=which,
            seconds=seconds[known],
            batch=np.ones(int(known.sum())),
            run_batch=batch_of(column),
            counts=operation_counts(run[known]),
            setting=(),
            models=(),
            accuracy=None if accuracy is None else accuracy[known],
            note="; ".join(notes),
            threads=told.threads,
        )


def _once_a_class(classes: pd.Series, values: pd.Series) -> bool:
    """Whether all cells of a class have one figure, so that it was not taken of each."""
    return bool((values.groupby(classes).nunique() <= 1).all())


def _none_is_free(seconds: Numbers, nothing: npt.NDArray[np.bool_]) -> bool:
    """Whether the runtime folds zeros: then most cells that compute nothing take next to no time.

    The network around the cells takes its time in all others. Asked where no document tells.
    """
    return bool(
        np.median(seconds[nothing]) < 0.1 * np.nanmin(seconds[~nothing & (seconds > 0)])
    ) or bool(np.median(seconds[nothing]) < 0.01 * np.nanmedian(seconds))
