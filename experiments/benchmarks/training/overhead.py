"""Where the wall time of a search went, by the records of its run."""

from __future__ import annotations

import json
import sys
from pathlib import Path

__all__ = ["shares"]


def shares(run: Path) -> dict[str, float | int]:
    """Shares of the workers' time; what is neither training nor error is overhead.

    Args:
        run: Folder of a finished search.
    """
    spent = json.loads((run / "spent.json").read_text(encoding="utf-8"))
    training, errors, count = 0.0, {"int8": 0.0, "other": 0.0}, 0
    for path in run.rglob("*.json"):
        row = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(row, dict) or "curve" not in row:
            continue
        training += row["seconds"]
        for precision, seconds in row.get("error_s", {}).items():
            errors["int8" if precision == "int8" else "other"] += seconds
        count += 1
    worker_s = spent["worker_s"]
    used = training + sum(errors.values())
    return {
        "trainings": count,
        "worker_s": worker_s,
        "training_share": training / worker_s,
        "error_share": errors["other"] / worker_s,
        "int8_export_and_error_share": errors["int8"] / worker_s,
        "int8_s_per_training": errors["int8"] / max(count, 1),
        "overhead_share": 1 - used / worker_s,
    }


if __name__ == "__main__":
    print(json.dumps(shares(Path(sys.argv[1]))))
