"""The kinds of models and what their operators cost: rows S3, S7, S8, S12, and M9 of devices."""

from __future__ import annotations

from experiments.paper_checks.session import Finding, Row, Session, judged, near

GPT = """
import numpy as np
from hardware_profiles import Deployment, custom_grid
from hardware_profiles.catalog import hardware
from nas.cost import cost
from nas.cost.breakdown import breakdown
from nas.cost.workload import workload
from search_spaces import space
from search_spaces.specs import TextSpec
def gpt(context=256, **choices):
    plain = dict(depth=4, width=64, heads=4, queries_per_key=1, context=1.0, ratio=4)
    plain |= dict(function='gelu', norm='layer', tied=False, grams=1)
    return space('gpt').layers(plain | choices, (context,), 96, TextSpec(96, context))
def on(name, precision='fp32'):
    return Deployment(name, hardware(name), precision, custom_grid(400))
"""


def narrower(run: Session) -> Finding:
    run(GPT)
    run("works = [workload(gpt(width=width)) for width in (64, 128)]")
    params = run("[work.params for work in works]")
    joules = run("[float(cost(work, [on('rpi4')]).energy_j[0]) for work in works]")
    return judged(
        f"a decoder of width 64 and of 128: {params[0]:,} and {params[1]:,} parameters,"
        f" {1e3 * joules[0]:.1f} and {1e3 * joules[1]:.1f} mJ an inference",
        {
            "parameters rise between 2 and 4 times": 2 < params[1] / params[0] < 4,
            "energy rises": joules[1] > joules[0],
        },
        why="parameters, MACs and traffic are columns; width, depth, kernel and expansion choices",
    )


def operators(run: Session) -> Finding:
    run.given(GPT, "S3")
    run("rows = breakdown(gpt(), on('rpi4'))")
    shares = run("{row.group: row.latency_share for row in rows}")
    total = run("float(cost(workload(gpt()), [on('rpi4')]).latency_s[0])")
    summed = run("sum(row.latency_s for row in rows)")
    main = shares["attention"] + shares["feed-forward"]
    return judged(
        f"a decoder of 256 tokens on a Raspberry Pi 4: attention {shares['attention']:.2f} and"
        f" feed-forward {shares['feed-forward']:.2f} of {1e3 * total:.1f} ms",
        {
            "the groups sum to the latency": near(summed, total),
            "both together take more than half": main > 0.5,
        },
        why="`carbon-nas estimate --breakdown`; convolutions likewise, for every space",
    )


def io_aware(run: Session) -> Finding:
    run.given(GPT, "S3")
    run(
        """
        def moved(context):
            rows = [breakdown(gpt(context), on(name)) for name in ('rpi4', 'rtx3090')]
            return [next(r.bytes_moved for r in found if r.group == 'attention') for found in rows]
        """
    )
    short, long = run("moved(64)"), run("moved(2048)")
    return judged(
        f"bytes of attention without and with an IO-aware kernel: {short[0] / short[1]:.2f} times"
        f" at 64 tokens, {long[0] / long[1]:.1f} times at 2,048",
        {
            "fewer bytes": short[1] < short[0],
            "the more so the longer the text": long[0] / long[1] > short[0] / short[1],
        },
        why="`attention_score_share` of a device; its multiplications are the same",
    )


def kinds_of_models(run: Session) -> Finding:
    run("from search_spaces import space, space_names")
    accepts = run("{name: space(name).accepts for name in space_names()}")
    forms = {form for taken in accepts.values() for form in taken}
    return judged(
        f"{len(accepts)} spaces: "
        + ", ".join(f"{name} ({', '.join(taken)})" for name, taken in accepts.items()),
        {"tables, text, images, series, translation": len(forms) == 5},
        why="each pair of space and task that fits is searched and exported in"
        " experiments/all_pairs, but translation, which is costed alone; image and video are not"
        " generated",
    )


def per_watt(run: Session) -> Finding:
    run(
        """
        import csv, pathlib
        with pathlib.Path('experiments/catalogue/years.csv').open() as file:
            rows = {row['name']: row for row in csv.DictReader(file)}
        """
    )
    count = run("len(rows)")
    figures = run(
        "{name: [float(rows[name][key]) for key in ('peak_tops', 'load_w', 'tops_per_w')]"
        " for name in ('rpi4', 'rtx3090')}"
    )
    return judged(
        "operations a second for each watt: "
        + ", ".join(f"{name} {1e12 * given[2] / 1e9:.3g} GOPS/W" for name, given in figures.items())
        + f"; {count} devices in experiments/catalogue",
        {"peak over load": all(near(a / b, c, within=1e-3) for a, b, c in figures.values())},
        why="PUE is M8; cost in money is out of scope",
    )


ROWS = (
    Row("M9", "I, III", "performance per watt, GFLOPS, PUE and TCO as other metrics", per_watt),
    Row("S3", "III Models", "parameter-efficient models cut energy", narrower),
    Row(
        "S7",
        "III Systems, Fig. 4a",
        "attention, feed-forward and convolution dominate the time of generative tasks",
        operators,
    ),
    Row("S8", "III Systems", "FlashAttention: faster, less traffic", io_aware),
    Row(
        "S12",
        "I to III",
        "recommendation, language, text-to-image and video, speech, translation",
        kinds_of_models,
    ),
)
