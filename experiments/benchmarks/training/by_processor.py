"""Both sides in turns in one process on one thread, by processor time: for a machine that is busy.

Two threads of the textbook never do more than twice what one does, so twice its rate bounds its
whole machine from above; ours is two processes, hence twice its rate too, less what they take from
one another's memory bandwidth. Other work on the cores slows both alike.
"""

from __future__ import annotations

import json
from statistics import median

import ours
import textbook
import torch
from subjects import LAYERS, SPLITS

REPEATS, WINDOW_S = 3, 1.5
CORES = 2


def main() -> None:
    torch.set_num_threads(1)
    seen: dict[str, dict[str, list[float]]] = {n: {"textbook": [], "ours": []} for n in LAYERS}
    for _ in range(REPEATS):
        for name, layers in LAYERS.items():
            seen[name]["textbook"].append(CORES * textbook.steps(layers, SPLITS, WINDOW_S)[1])
            seen[name]["ours"].append(CORES * ours.throughput(name, WINDOW_S)["cpu"])
    rows = {name: {k: median(v) for k, v in row.items()} for name, row in seen.items()}
    ratios = {name: row["ours"] / row["textbook"] for name, row in rows.items()}
    print(json.dumps({"images_per_s": rows, "all": seen, "ratio": ratios}))


if __name__ == "__main__":
    main()
