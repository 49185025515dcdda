"""How fast costs and footprints are: arrays against a plain Python loop over rows.

    python experiments/benchmarks/scoring/run.py [--candidates 10000] [--rounds 5] [--looped 50]

Candidates are drawn from the mbconv space on 1 x 28 x 28; deployments are the devices that come
with the package, in all their precisions, up to 50. Costs of all candidates are one call, and the
plain loop takes the first so many of them. All ways run in the same process, in turns, and must
agree; rates are medians over the rounds, in rows (candidate x deployment) a second. Counting the
layers of a candidate is not in them; its time is printed beside. The last line is JSON.

``designs_ms`` is the median time of all 3,240 designs of the default accelerator for a drawn
resnet candidate on 3 x 32 x 32, counting its layers included. Beside it stands what CATransformers
states for one trial, 5 to 15 minutes (arXiv 2505.01386), which also fine-tunes a network.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from hardware_profiles.accelerator import accelerator_space
from hardware_profiles.catalog import hardware, hardware_names
from hardware_profiles.deployment import Deployment
from hardware_profiles.grid import custom_grid
from nas.carbon.demand import Demand
from nas.carbon.embodied import device_embodied
from nas.carbon.footprint import footprint
from nas.carbon.study import Study
from nas.cost import Workload
from nas.cost.accelerator import cost_designs
from nas.cost.batch import cost_many
from nas.cost.figures import BIAS_BYTES, ELEMENT_BYTES, efficiencies
from nas.cost.needs import lacking
from nas.cost.workload import workload
from search_spaces import space

STUDY = Study(Demand(lifetime_years=4.0, inferences=1e7), memory="as_built")
DEPLOYMENTS = 50


def draw_workloads(count: int) -> list[Workload]:
    mbconv, rng = space("mbconv"), np.random.default_rng(0)
    return [workload(mbconv.layers(mbconv.sample(rng), (1, 28, 28), 10)) for _ in range(count)]


def make_deployments() -> list[Deployment]:
    """One for each device and precision, the narrowest precision of every device first."""
    shipped = [hardware(name) for name in hardware_names() if name != "host"]
    profiles = [profile for profile in shipped if not lacking(profile)]
    ranked = [(-rank, p, x) for p in profiles for rank, x in enumerate(p.precisions)]
    ranked.sort(key=lambda row: (row[0] + len(row[1].precisions), row[1].name))
    grids = [custom_grid(g) for g in (30.0, 100.0, 261.3, 380.0, 600.0)]
    return [
        Deployment(f"{profile.name}-{precision}-{index}", profile, precision, grids[index % 5])
        for index in range(DEPLOYMENTS)
        for _, profile, precision in [ranked[index % len(ranked)]]
    ]


def loop_cost(work: Workload, deployment: Deployment) -> tuple[float, float]:
    """Latency and energy of one row, kernel by kernel, in plain floats."""
    profile, together = deployment.profile, deployment.batch * deployment.streams
    width, bias_width = ELEMENT_BYTES[deployment.precision], BIAS_BYTES[deployment.precision]
    peak = profile.macs_per_s[deployment.precision].value
    rates = {kind: peak * figure.value for kind, figure in efficiencies(profile).items()}
    cache = profile.cache_bytes.value if profile.cache_bytes else 0.0
    memory = profile.memory_bytes_per_s.value
    fast = profile.cache_bytes_per_s.value if profile.cache_bytes_per_s else memory
    stored = work.stored_weight_elements * width + work.stored_bias_elements * bias_width
    cached = stored + work.peak_activation_elements * width * together <= cache
    latency = busy = main = 0.0
    for kind, macs, weights, biases, reads, writes in zip(
        work.kinds,
        work.macs.tolist(),
        work.weight_elements.tolist(),
        work.bias_elements.tolist(),
        work.read_elements.tolist(),
        work.write_elements.tolist(),
        strict=True,
    ):
        full = macs * together / rates[kind] if macs else 0.0
        fill = profile.half_rate_macs.value / rates[kind] if macs else 0.0
        stay = weights * width + biases * bias_width
        move = (reads + writes) * width * together
        slow = (0.0 if stay + move <= cache else move) + (
            0.0 if cached else stay * deployment.streams
        )
        move_s = slow / memory + (stay * deployment.streams + move - slow) / fast
        latency += max(full + fill, move_s) + profile.dispatch_s.value
        loaded = full if profile.kind in ("gpu", "edge_gpu", "desktop_gpu") else full + fill
        busy += max(loaded, move_s)
        main += slow
    per_mac, per_byte = (
        profile.energy_per_mac_j.get(deployment.precision),
        profile.energy_per_byte_j,
    )
    if per_mac is None or per_byte is None:
        dynamic = (profile.load_w.value - profile.idle_w.value) * busy
    else:
        dynamic = work.total_macs * together * per_mac.value + main * per_byte.value
    return latency, (profile.idle_w.value * latency + dynamic) / together


def loop_carbon(energy_j: float, tau_s: float, deployment: Deployment) -> float:
    """Grams of one row in plain floats, at the fixed volume of the study."""
    demand, profile = STUDY.demand, deployment.profile
    life_s = demand.lifetime_years * 8760.0 * 3600.0
    busy = demand.inferences * tau_s / (demand.devices * life_s)
    idle = profile.idle_w.value * tau_s * max(demand.powered_share - busy, 0.0) / busy
    per_joule = deployment.overhead * deployment.grid.gco2e_per_kwh.value / 3.6e6
    made = device_embodied(profile, table=STUDY.fab_table).total_gco2e
    return (energy_j + idle) * per_joule + made * tau_s / (life_s * busy)


def timed(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def measure(ways: Sequence[Callable[[], object]], rounds: int) -> list[list[float]]:
    """Seconds of each way in each round, taken in turns after one round of warming up."""
    for way in ways:
        way()
    rows = [[timed(way) for way in ways] for _ in range(rounds)]
    return [list(column) for column in zip(*rows, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--looped", type=int, default=50)
    options = parser.parse_args()
    start = perf_counter()
    works, deployments = draw_workloads(options.candidates), make_deployments()
    counting_s = perf_counter() - start
    few = works[: options.looped]
    rows, few_rows = len(works) * len(deployments), len(few) * len(deployments)

    def cost_arrays() -> np.ndarray:
        costs = cost_many(works, deployments)
        return np.stack([costs.latency_s, costs.energy_j])

    def cost_loop() -> np.ndarray:
        return np.array([[loop_cost(work, d) for d in deployments] for work in few])

    tau, energy = cost_arrays()

    def footprint_arrays() -> np.ndarray:
        return footprint(energy, tau, deployments, STUDY).carbon_gco2e

    def footprint_loop() -> np.ndarray:
        return np.array(
            [
                [loop_carbon(*row) for row in zip(*pair, deployments, strict=True)]
                for pair in zip(energy[: len(few)].tolist(), tau[: len(few)].tolist(), strict=True)
            ]
        )

    looped = cost_loop().transpose(2, 0, 1)
    np.testing.assert_allclose(cost_arrays()[:, : len(few)], looped, rtol=1e-12)
    np.testing.assert_allclose(footprint_arrays()[: len(few)], footprint_loop(), rtol=1e-12)
    ways = (cost_arrays, cost_loop, footprint_arrays, footprint_loop)
    seconds = measure(ways, options.rounds)
    counts = (rows, few_rows, rows, few_rows)
    rates = [count / median(column) for count, column in zip(counts, seconds, strict=True)]
    print(f"{platform.platform()}, Python {platform.python_version()}, numpy {np.__version__}")
    print(f"{len(works)} candidates x {len(deployments)} deployments, {options.rounds} rounds;"
          f" costs {median(seconds[0]):.2f} s, counting {counting_s:.1f} s")  # fmt: skip
    for name, fast, slow, column in (
        ("costs", rates[0], rates[1], seconds[0]),
        ("footprints", rates[2], rates[3], seconds[2]),
    ):
        spread = (max(column) - min(column)) / median(column)
        print(f"{name}: arrays {fast:,.0f}/s (spread {spread:.0%}), plain loop {slow:,.0f}/s,"
              f" ratio {fast / slow:.1f}")  # fmt: skip
    resnet, designs = space("resnet"), accelerator_space()
    layers = resnet.layers(resnet.sample(np.random.default_rng(0)), (3, 32, 32), 10)
    (designs_s,) = measure([lambda: cost_designs(layers, designs)], max(options.rounds, 3))
    print(f"{designs.size} designs: {1e3 * median(designs_s):.1f} ms"
          f" ({1e3 * min(designs_s):.1f} to {1e3 * max(designs_s):.1f}), {len(layers)} layers;"
          " one trial of CATransformers, as published: 5 to 15 minutes")  # fmt: skip
    result = {
        "costs_per_s": round(rates[0]),
        "designs_ms": round(1e3 * median(designs_s), 2),
        "footprints_per_s": round(rates[2]),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
