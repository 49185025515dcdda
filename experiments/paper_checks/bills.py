"""Rows on what devices are made of: A1, A5, A7, D1 to D3, S10, N24."""

from __future__ import annotations

from typing import Any

from experiments.paper_checks.session import (
    Finding,
    Row,
    Session,
    judged,
    near,
)


def fab_tables(run: Session) -> Finding:
    run(
        """
        from hardware_profiles import fab_table, fab_table_names
        from hardware_profiles.catalog import hardware
        from nas.carbon import device_embodied
        tables = [fab_table(name) for name in fab_table_names()]
        """
    )
    run("[(table.name, table.version, table.scopes) for table in tables]")
    kilograms = run(
        "{table.name: device_embodied(hardware('pixel3'), table=table).total_gco2e / 1000"
        " for table in tables}"
    )
    lines = run("device_embodied(hardware('pixel3'), table='act-2023').lines[0].source")
    return judged(
        "Pixel 3: " + ", ".join(f"{name} {value:.2f} kg" for name, value in kilograms.items()),
        {
            "imec.netzero's public figures are one of the tables": any(
                name.startswith("imec") for name in kilograms
            ),
            "switching the table changes the total": len(set(kilograms.values())) == len(kilograms),
            "a line names its table": "act-2023" in lines,
        },
        why="imec.netzero is taken as ACT ships its public figures: Scopes 1 and 2 of dies only",
    )


PHASES = """
from hardware_profiles import Deployment
from hardware_profiles.catalog import hardware
from hardware_profiles.grid import grid
from nas.carbon import Demand, Study, footprint
place = Deployment('phone', hardware('pixel3'), 'int8', grid('us-caiso'))
study = Study(Demand(lifetime_years=3, inferences=1e8), memory='as_built')
one = footprint([0.05], [0.01], [place], study)
"""


def phases(run: Session) -> Finding:
    run(PHASES)
    grams = run("{phase: float(g[0]) for phase, g in one.phases_gco2e.items()}")
    total = run("float(one.carbon_gco2e[0])")
    return judged(
        "a model on a Pixel 3: "
        + ", ".join(f"{phase} {100 * g / total:.0f} %" for phase, g in grams.items()),
        {
            "the four phases sum to the whole": near(sum(grams.values()), total),
            "all four are named": list(grams) == ["manufacture", "transport", "use", "end_of_life"],
        },
        why="a phase that a profile does not know is not counted, and the commands say so; the"
        " iPhone 15 Pro's 83 / 15 / 2 % are N22",
    )


def own_component(run: Session) -> Finding:
    run(
        """
        import tempfile
        from pathlib import Path
        from hardware_profiles.catalog import hardware, profile_from_dict, profile_to_dict
        from nas.carbon import device_embodied
        folder = tempfile.TemporaryDirectory()
        file = Path(folder.name) / 'ours.yaml'
        written = file.write_text('''
            extends: act-2022
            name: ours
            label: ACT with our DRAM
            version: '1'
            memories:
              our_dram:
                kind: dram
                gco2e_per_gb: {value: 100, basis: measured, low: 80, high: 130, source: supplier}
            ''')
        facts = profile_to_dict(hardware('rpi4'))
        facts['bill_of_materials']['memories'][0]['technology'] = 'our_dram'
        device = device_embodied(profile_from_dict(facts), table=str(file))
        """
    )
    grams = run("{x.name: x.gco2e for x in device.lines if x.component == 'memory'}")
    return judged(
        ", ".join(f"{name}: {value:.2f} g" for name, value in grams.items()),
        {"4 GB x 100 g / 0.875": near(sum(grams.values()), 400 / 0.875)},
        why="a row in a YAML file, no code; Meta's data set itself is not public",
    )


def instance(run: Session) -> Finding:
    run(
        """
        from hardware_profiles import Deployment
        from hardware_profiles.catalog import hardware
        from hardware_profiles.grid import grid
        from nas.carbon import Demand, Study, share_gco2e
        from nas.carbon.rates import rates_of
        """
    )
    hour = run("share_gco2e(1_536_090, occupancy_s=3600, life_h=35_040, busy_share=1)  # c1.medium")
    run(
        """
        node, grid_ = hardware('a100_sxm4_40'), grid('us-caiso')
        places = [Deployment(f'{s}', node, 'fp16', grid_, resource_share=s) for s in (1, 0.25)]
        rates = rates_of(places, Study(Demand(lifetime_years=4, inferences=1e9)))
        """
    )
    shares = run(
        "rates.embodied_gco2e[1] / rates.embodied_gco2e[0], rates.idle_w[1] / rates.idle_w[0]"
    )
    sci = run(
        "share_gco2e(1e6, occupancy_s=3600, life_h=35_040, busy_share=1)  # SCI's own example"
    )
    run("from hardware_profiles.catalog import hardware_names")
    run("from nas.carbon import device_embodied")
    run("clouds = [n for n in hardware_names() if hardware(n).kind == 'cloud']")
    instances = run("{n: device_embodied(hardware(n)).total_gco2e / 1000 for n in clouds}")
    return judged(
        f"1,536.09 kg over 4 years: {hour:.2f} g an hour; a quarter of a node carries"
        f" {shares[0]:.2f} of its manufacture and {shares[1]:.2f} of its idle power; SCI's example"
        f" (1,000 kg, 4 years, one hour): {sci:.1f} g. Instances of the catalogue, made with: "
        + ", ".join(f"{name} {kg:.1f} kg" for name, kg in instances.items()),
        {
            "total / lifetime hours": near(hour, 1_536_090 / 35_040),
            "times the share of the resource": near(shares[0], 0.25) and near(shares[1], 0.25),
            "28.5 g": round(float(sci), 1) == 28.5,
            "instances are devices like any other": len(instances) >= 3,
        },
        why="1,536.09 kg from Cloud Carbon Footprint, whose figures rest on Teads' data set; the"
        " catalogue has these instances, not the data set, and a further one is one YAML file",
    )


def published(run: Session) -> Finding:
    run("from hardware_profiles.catalog import hardware, hardware_names")
    run("from nas.carbon import device_embodied")
    run(
        """
        from nas.carbon.embodied import is_known
        known = [n for n in hardware_names() if is_known(hardware(n), 'published')]
        def bill(n):
            return device_embodied(hardware(n)).by_phase['manufacture'] / 1000
        def maker(n):
            return device_embodied(hardware(n), basis='published').total_gco2e / 1000
        """
    )
    run.command("carbon-nas hardware show dell_r740", show=lambda line: "  published  " in line)
    values: list[Any] = run("[(n, bill(n), maker(n)) for n in known]")
    return judged(
        "modelled / published: "
        + ", ".join(
            f"{n} {ours:.1f} / {theirs:.1f} kg = {ours / theirs:.2f}" for n, ours, theirs in values
        ),
        {
            "both are printed with their ratio": len(values) >= 2,
            "none is above twice the published figure": all(
                ours < 2 * theirs for _, ours, theirs in values
            ),
        },
        why="low where the bill of materials lacks parts (display, chassis, power supply): ACT has"
        " no figure for them; `carbon-nas hardware show` prints the two side by side",
    )


def server(run: Session) -> Finding:
    run("from hardware_profiles.catalog import hardware")
    run("said = hardware('dell_r740').published_lca")
    production = run("said.production_gco2e.value / 1000  # kg")
    parts = run("{part: figure.value for part, figure in said.components.items()}")
    made = run("said.shares['manufacture']")
    disks = sum(value for part, value in parts.items() if "SSD" in part) / production
    circuits = sum(parts.values()) / production
    return judged(
        f"manufacture {100 * made:.1f} %; of it SSDs {100 * disks:.0f} %, SSDs, DRAM and CPUs"
        f" together {100 * circuits:.0f} %; these are {100 * circuits * made:.0f} % of the whole"
        f" life, where 80 % would be {80 * made:.1f} %",
        {
            "49.8 % manufacture": near(made, 0.498),
            "80 % of it are ICs": 0.75 < circuits < 0.85,
        },
        why="80 % is the share of the SSDs alone (total of production from a secondary source)."
        " Configuration decides: this one is heavy in flash",
    )


def dark_silicon(run: Session) -> Finding:
    run(
        """
        from hardware_profiles.catalog import hardware, profile_from_dict, profile_to_dict
        from nas.carbon import device_embodied
        def figure(value):
            return {'value': value, 'basis': 'datasheet', 'source': 'example'}
        def phone(unused):
            facts = profile_to_dict(hardware('pixel3'))
            npu = {'name': 'NPU', 'area_cm2': figure(0.2), 'node_nm': 10, 'node_source': 'example',
                   'unused_share': figure(unused)}
            facts['bill_of_materials']['dies'].append(npu)
            return device_embodied(profile_from_dict(facts))
        """
    )
    without = run("device_embodied(hardware('pixel3')).total_gco2e")
    used = run("phone(0).total_gco2e, phone(0).dark_gco2e")
    dark = run("phone(1).total_gco2e, phone(1).dark_gco2e")
    return judged(
        f"an NPU of 0.2 cm2 adds {used[0] - without:.0f} g to {without:.0f} g whether it is used or"
        f" not; unused, {dark[1] - used[1]:.0f} g more are named dark ({dark[1]:.0f} g in all)",
        {
            "unused blocks still count": near(used[0], dark[0]),
            "and are reported": near(dark[1] - used[1], dark[0] - without),
        },
    )


ROWS = (
    Row("A5", "IV", "imec.netzero: a fab model by process node", fab_tables),
    Row("A7", "IV, Fig. 5b", "LCA: manufacture, transport, use, end of life", phases),
    Row("D1", "IV", "Meta's data set of component carbon", own_component),
    Row("D2", "IV", "AWS EC2 instance data set (Teads)", instance),
    Row("D3", "I, II, IV", "company reports (Apple, Dell, Google, Meta, ...)", published),
    Row("N24", "IV", "Dell R740: 49.8 % manufacture, 80 % of it ICs", server),
    Row("S10", "II", "accelerators that stand idle: dark silicon", dark_silicon),
)
