"""S: methods on models and systems."""

from __future__ import annotations

import math

from experiments.paper_checks.session import (
    OUT,
    Finding,
    Row,
    Session,
    judged,
    near,
)


def precision(run: Session) -> Finding:
    run(
        """
        from hardware_profiles import Deployment, custom_grid
        from hardware_profiles.catalog import hardware
        from nas.cost import cost
        from nas.cost.workload import workload
        from search_spaces.references import reference_models
        layers = reference_models((1, 28, 28), 10)['MobileNetV2 x 0.25']
        rpi4, grid = hardware('rpi4'), custom_grid(400)
        places = [Deployment(name, rpi4, name, grid) for name in ('fp32', 'int8')]
        costs = cost(workload(layers), places)
        """
    )
    latency = run("costs.latency_s")
    energy = run("costs.energy_j")
    return judged(
        f"MobileNetV2 x 0.25 on a Raspberry Pi 4: int8 takes {latency[1] / latency[0]:.2f} of the"
        f" time and {energy[1] / energy[0]:.2f} of the energy of fp32",
        {"int8 is faster": latency[1] < latency[0], "int8 takes less": energy[1] < energy[0]},
        why="precision is part of a deployment; its accuracy is measured (design, 4b)",
    )


def selection(run: Session) -> Finding:
    run("import dataclasses")
    run("from nas.models.recipe import default_recipe")
    run("whole = default_recipe('fashion-mnist', final=True)")
    run("part = dataclasses.replace(whole, train_images=12_500)")
    seen = run("whole.samples_seen(50_000), part.samples_seen(50_000)")
    return judged(
        f"8 epochs of 50,000 images pass {seen[0]:,} samples through the network; of 12,500 images"
        f" {seen[1]:,}",
        {"a quarter of the data is a quarter of the work": near(seen[1] / seen[0], 0.25)},
        why="`recipe: {train_images: [...], epochs: [...]}` makes both dimensions of a search,"
        " whose error is measured; which samples are kept is not chosen",
    )


def storage(run: Session) -> Finding:
    run("from nas.carbon.training import training_energy_j")
    run("without = training_energy_j(3600, machine_w=300)")
    run("with_storage = training_energy_j(3600, machine_w=300, storage_w=100)")
    total = run("without.total_j, with_storage.total_j")
    share = run("with_storage.storage_share")
    return judged(
        f"300 W of machine with 100 W of storage for an hour: {total[0] / 3600:.0f} Wh without,"
        f" {total[1] / 3600:.0f} Wh with; storage {100 * share:.0f} %",
        {"the total differs by the stated share": near((total[1] - total[0]) / total[1], share)},
    )


def communication(run: Session) -> Finding:
    run("from nas.carbon.training import communication_s")
    seconds = run(
        "communication_s(100e6, bandwidth_bytes_per_s=[1e9, 10e9], workers=8, exchanges=1000)"
    )
    return judged(
        f"1,000 exchanges of 100 MB among 8 machines: {seconds[0]:.0f} s at 1 GB/s,"
        f" {seconds[1]:.1f} s at 10 GB/s",
        {"time falls with bandwidth": near(seconds[0] / seconds[1], 10)},
    )


def failures(run: Session) -> Finding:
    run("from nas.carbon.training import rerun_factor")
    factor = run("rerun_factor([0.0, 0.1], 2.0)")
    return judged(
        f"no failures: {factor[0]:.0f}; one in 10 h, checkpoints every 2 h: {factor[1]:.4f} of the"
        " energy",
        {
            "1 at failure rate 0": near(factor[0], 1),
            "(exp(l t) - 1) / (l t)": near(factor[1], math.expm1(0.2) / 0.2),
        },
        why="spares and their embodied carbon: `spares` of a demand and of `training_energy_j`",
    )


def reuse_or_replace(run: Session) -> Finding:
    run("from nas.carbon.decisions import device_break_even_years")
    years = run("device_break_even_years(300e3, 120e3, [40e3, 110e3, 130e3])  # g; g a year")
    return judged(
        f"300 kg of new hardware for 120 kg a year of old: repaid after {years[0]:.2f} years at 40"
        f" kg a year, {years[1]:.0f} at 110, never ({years[2]}) at 130",
        {
            "by hand 300 / 80": near(years[0], 3.75),
            "by hand 300 / 10": near(years[1], 30),
            "never where it uses more": math.isinf(years[2]),
        },
    )


def phases(run: Session) -> Finding:
    run(SERVICE)
    parts = run("{part: float(grams) for part, grams in service(1e9).total.by_part.items()}")
    total = run("service(1e9).total.total_gco2e")
    wanted = ("search", "training", "inference", "devices")
    said = run.command(
        "carbon-nas lifecycle experiments/paper_checks/run",
        show=lambda line: line.split(" ")[0] in wanted,
    )
    printed = [line.split(" ")[0] for line in said.splitlines()]
    return judged(
        ", ".join(f"{part} {grams:.0f} g" for part, grams in parts.items()),
        {
            "experimentation, training, inference, embodied": len(parts) == 4,
            "they sum to the total": near(sum(parts.values()), total),
            "`carbon-nas lifecycle RUN` prints these lines": set(wanted) <= set(printed),
        },
    )


def users(run: Session) -> Finding:
    run.given(SERVICE, "S13")
    shares = run(
        "[float(service(n).per_inference.by_part['training']) for n in (1e9, 1e10)]  # g each"
    )
    return judged(
        f"training: {shares[0]:.3g} g an inference; with 10 times the users {shares[1]:.3g} g",
        {"a tenth": near(shares[1], shares[0] / 10)},
    )


SERVICE = """
from nas.carbon.lifecycle import Effort, service_lifecycle
def service(inferences):
    return service_lifecycle(
        search=Effort(300, 50), training=Effort(2000, 400), retrainings=3, inferences=inferences,
        operational_gco2e=2e-6, manufacture_gco2e=5000, devices=1, device_life_h=35_040,
        service_life_h=35_040,
    )
"""


def joint_design(run: Session) -> Finding:
    run(
        """
        import numpy as np
        from hardware_profiles.accelerator import accelerator_space
        from nas.cost.accelerator import cost_designs
        from search_spaces.references import reference_models
        models = reference_models((1, 28, 28), 10)
        designs = accelerator_space('default')
        costs = [cost_designs(layers, designs) for layers in models.values()]
        def grams(c):  # of 1e9 inferences at 400 g/kWh, with die and DRAM, within 2 ms
            whole = 1e9 * c.energy_j * 400 / 3.6e6 + c.embodied_gco2e
            return np.where(c.latency_s <= 2e-3, whole, np.inf)
        """
    )
    joint = run("min(float(grams(c).min()) for c in costs)")
    fastest = run("min(float(grams(c)[np.argmin(c.latency_s)]) for c in costs)")
    return judged(
        f"the best of {run('len(models)')} networks on the fastest of {run('designs.size'):,}"
        f" designs emits {fastest:.0f} g over its life, the best pair {joint:.0f} g",
        {"the pair emits no more than the network alone": joint <= fastest},
        why="`carbon-nas hardware designs`, designs as deployments; a search over both beside its"
        " rivals: experiments/benchmarks/joint_search",
    )


DAY = """
import numpy as np
from hardware_profiles.hours import hourly_means
from nas.carbon.scheduling import cleanest_shares, is_time_to_run, start_now_shares
day = hourly_means('us-caiso')[5]  # a day of June, g/kWh by the hour (UTC)
"""


def slack(run: Session) -> Finding:
    run(DAY)
    now = run("float(start_now_shares(day, 4) @ day / 4)")
    waits = [
        run(f"float(cleanest_shares(day[:{hours}], 4) @ day[:{hours}] / 4)") for hours in (8, 24)
    ]
    return judged(
        f"4 h of work in CAISO's June: {now:.0f} g/kWh at once, {waits[0]:.0f} before 8 h are over,"
        f" {waits[1]:.0f} before a day is",
        {"never more with more time": now >= waits[0] >= waits[1]},
        why="`search: {schedule: {deadline_h: 24}}`; over the whole year: experiments/carbon_aware",
    )


def pauses(run: Session) -> Finding:
    run.given(DAY, "S16")
    run(
        """
        left, hours = 4.0, []
        for hour in range(24):
            if left and is_time_to_run(list(day[hour:]), left):
                left -= 1
                hours.append(hour)
        """
    )
    worked = run("hours")
    cleanest = run("sorted(int(hour) for hour in np.argsort(day)[:4])")
    return judged(
        f"4 h of work run in the hours {worked} (UTC), paused in the others",
        {"they are the four cleanest": worked == cleanest},
        why="a search paused so finds what it would have found: tests/engine/test_schedule.py",
    )


ROWS = (
    Row("S2", "III Systems, IV", "joint design of model and hardware", joint_design),
    Row("S4", "III", "low-precision formats (part of the 800 times)", precision),
    Row(
        "S5",
        "III Data",
        "data selection and pruning",
        selection,
    ),
    Row("S6", "III Data", "storage and ingestion of data take much power", storage),
    Row(
        "S9",
        "III Systems, Fig. 4b",
        "communication is a large share of distributed training",
        communication,
    ),
    Row(
        "S11",
        "III",
        "gains of specific hardware can be cancelled by its embodied carbon",
        reuse_or_replace,
    ),
    Row("S13", "Fig. 3b", "phases: experimentation, training, inference", phases),
    Row("S14", "II", "open models spread training over all users", users),
    Row("S15", "III Datacenters", "fault tolerance and redundancy", failures),
    Row("S16", "IV", "Treehouse: run time traded for carbon in software", slack),
    Row("S17", "IV", "carbon-aware data centres and demand response", pauses),
    Row(
        "S18",
        "V",
        "AI for catalysts and renewables",
        settled=Finding("-", OUT, "not about the carbon of computing"),
    ),
)
