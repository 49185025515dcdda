"""Times the ONNX files of a folder on the machine it runs on; needs onnxruntime and numpy only.

``carbon-nas hardware measure --remote FOLDER`` copies this file there as ``measure.py``. On the
board, ``python measure.py`` writes ``measurements.csv`` for ``carbon-nas hardware calibrate``.
Models are timed in turn, round after round, so that other work on the machine slows all alike.
Calls that are not timed begin each turn, since the other models have emptied the caches: what
counts is a model that runs again and again, and a large last cache takes some calls to hold its
weights (14 MB on a Xeon: 2.3, 1.9, 1.6, 1.5, 1.3 ms, and 1.2 ms from the seventh on). The tenth
percentile of the rounds counts: under load it ranks models best, with the minimum.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

STABLE_SPREAD = 0.1
_BLOCK_S = 0.002
_WARM_UPS = 5
_TURN_WARM_UPS, _TURN_WARM_S = 8, 0.02  # whichever is less


@contextlib.contextmanager
def pinned(threads: int) -> Any:
    """Keep this process and what it starts to so many processors inside the block.

    Args:
        threads: How many, >= 1; where there are no more, or the system cannot, nothing changes.
    """
    if not hasattr(os, "sched_setaffinity") or threads >= len(os.sched_getaffinity(0)):
        yield
        return
    tasks = Path("/proc/self/task")
    before = os.sched_getaffinity(0)
    chosen = sorted(before)[-threads:]  # interrupts are mostly served by the first
    try:
        for task in tasks.iterdir():
            os.sched_setaffinity(int(task.name), chosen)
        yield
    finally:
        for task in tasks.iterdir():
            os.sched_setaffinity(int(task.name), before)


def timings(works: list[Any], rounds: int, threads: int = 2) -> Any:
    """Seconds of one call of each work, timed in turn.

    Args:
        works: Functions without arguments.
        rounds: Times that each is timed, >= 1; short ones over several calls.
        threads: That they use. Of one, the calling thread's, time on the processor is taken, so
            that a long work does not count the turns of other programs that it waits for; 0 for
            works that wait for a GPU.

    Returns:
        Array of shape (rounds, works).
    """
    import numpy as np

    clock = time.thread_time if threads == 1 else time.perf_counter
    calls, warm_ups = [], []
    for work in works:
        for _ in range(_WARM_UPS):
            work()
        began = clock()
        work()
        took = max(clock() - began, 1e-9)
        calls.append(max(1, int(_BLOCK_S / took)))
        warm_ups.append(max(1, min(_TURN_WARM_UPS, int(_TURN_WARM_S / took))))
    seen = np.empty((rounds, len(works)))
    for row in seen:
        for index, work in enumerate(works):
            count = calls[index]
            for _ in range(warm_ups[index]):
                work()
            began = clock()
            for _ in range(count):
                work()
            row[index] = (clock() - began) / count
    return seen


def disagreement(seen: Any) -> float:
    """Median over works of how far tenth percentiles of odd and even rounds are apart.

    Args:
        seen: As `timings` returns, two rounds or more.

    Returns:
        A share of the time, 0 for perfect agreement.
    """
    import numpy as np

    odd, even = (np.percentile(seen[start::2], 10, axis=0) for start in (0, 1))
    return float(np.median(np.abs(np.log(odd / even))))


def verdict(apart: float) -> str:
    """Stable or not, in words, with the machine's load where the system tells it.

    Args:
        apart: What `disagreement` returns.
    """
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    if apart <= STABLE_SPREAD:
        return f"stable: odd and even rounds differ by {apart:.1%} (load average {load})"
    return (
        f"unstable: machine is busy: odd and even rounds differ by {apart:.1%}"
        f" (load average {load}); stop other work and repeat"
    )


def session_works(
    paths: list[Path], threads: int, provider: str = "CPUExecutionProvider"
) -> list[Any]:
    """One inference of each ONNX file, as functions.

    Args:
        paths: Files with one input, whose first dimension is the batch.
        threads: Of a session, >= 1.
        provider: Of ONNX Runtime.
    """
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that wait by spinning would slow the other models' turns.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    works = []
    for path in paths:
        session = onnxruntime.InferenceSession(str(path), options, providers=[provider])
        entry = session.get_inputs()[0]
        feed = {entry.name: np.ones((1, *entry.shape[1:]), np.float32)}
        works.append(lambda session=session, feed=feed: session.run(None, feed))
    return works


def write_measurements(
    path: Path,
    models: list[dict[str, str]],
    seen: Any,
    runtime: str,
    energy_j: Any = None,
) -> None:
    """A file for ``carbon-nas hardware calibrate``.

    Args:
        path: CSV file, overwritten.
        models: ``space``, ``task`` and ``architecture`` of each.
        seen: As `timings` returns.
        runtime: What ran them.
        energy_j: Of one inference of each; None where nothing counts it, which leaves it empty.
    """
    import numpy as np

    joules = [""] * len(models) if energy_j is None else [f"{each:.6g}" for each in energy_j]
    p10, median = np.percentile(seen, (10, 50), axis=0)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        facts = ("space", "task", "architecture")
        writer.writerow((*facts, "latency_s", "median_s", "energy_j", "runtime"))
        for model, low, middle, used in zip(models, p10, median, joules):  # noqa: B905  # boards' Python
            told = (f"{low:.6g}", f"{middle:.6g}", used, runtime)
            writer.writerow((*(model[fact] for fact in facts), *told))


def main() -> int:
    """Time the folder's models; 2 when something that is needed is missing."""
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=here / "measurements.csv")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    if given.rounds < 2 or given.threads < 1:
        print("measure: give --rounds of 2 or more and --threads of 1 or more", file=sys.stderr)
        return 2
    try:
        import onnxruntime
    except ImportError:
        print("measure: onnxruntime is missing; pip install onnxruntime numpy", file=sys.stderr)
        return 2
    try:
        with (here / "models.csv").open(newline="", encoding="utf-8") as file:
            models = list(csv.DictReader(file))
        given.out.open("a").close()
    except OSError as error:
        print(
            f"measure: {error}; copy the whole folder, and name a writable --out", file=sys.stderr
        )
        return 2
    with pinned(given.threads):
        works = session_works([here / model["file"] for model in models], given.threads)
        seen = timings(works, given.rounds, given.threads)
    runtime = f"ONNX Runtime {onnxruntime.__version__}, {platform.machine()}, CPU"
    write_measurements(given.out, models, seen, f"{runtime}, threads: {given.threads}")
    print(f"{verdict(disagreement(seen))}\nwritten: {given.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
