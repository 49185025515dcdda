"""Matrix peak and copy rate of one core, and the shares of them that training reached."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from subjects import LAYERS

from nas.cost.workload import workload
from search_spaces.layers import mac_count

SIZE, ROUNDS = 1024, 12
COPY_ELEMENTS = 16 << 20
PASSES = 3  # forward, and the gradients of inputs and of weights


def best_s(work: Callable[[], object]) -> float:
    """Least processor time of some rounds."""
    work()
    seen = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        seen.append(time.process_time() - began)
    return min(seen)


def main() -> None:
    torch.set_num_threads(1)
    peaks = {}
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        a, b = (torch.randn(SIZE, SIZE).to(dtype) for _ in range(2))
        peaks[name] = 2 * SIZE**3 / best_s(lambda a=a, b=b: a @ b)
    source, target = torch.randn(COPY_ELEMENTS), torch.empty(COPY_ELEMENTS)
    copied = 8 * COPY_ELEMENTS / best_s(lambda: target.copy_(source))
    rates = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["images_per_s"]
    found: dict[str, dict[str, float]] = {"fp32_share": {}, "bf16_share": {}, "copy_share": {}}
    for name, layers in LAYERS.items():
        each = rates[name]["ours"] / 2  # of a core
        work = workload(layers)
        moved = 4 * float(work.read_elements.sum() + work.write_elements.sum())
        for kind, rate in peaks.items():
            found[f"{kind}_share"][name] = 2 * PASSES * mac_count(layers) * each / rate
        found["copy_share"][name] = PASSES * moved * each / copied
    # Traffic is the least: every tensor once; torch passes over them several times.
    limits = {
        name: "memory passes"
        if found["copy_share"][name] > found["fp32_share"][name]
        else "products"
        for name in LAYERS
    }
    flops = {f"{kind}_gflops": rate / 1e9 for kind, rate in peaks.items()}
    print(json.dumps({**flops, "copy_gb_per_s": copied / 1e9, **found, "limited_by": limits}))


if __name__ == "__main__":
    main()
