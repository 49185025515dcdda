"""Designs of the default accelerator space beside published figures: CATransformers and TPU v1.

CLIP-B/16 and the published choices of hardware for it, and the floor plan of a chip that was made.
The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np

from hardware_profiles.accelerator import Accelerator, AcceleratorSpace, accelerator_space
from nas.carbon.parts import die_embodied_gco2e, memory_embodied_gco2e
from nas.cost.accelerator import cost_designs, design_sizes
from nas.cost.design_profile import KNOBS, changed_space
from nas.cost.systolic import mapped
from nas.cost.workload import workload
from search_spaces.chain import Chain
from search_spaces.layers import Layer, layer_shapes
from search_spaces.ops import ClassToken, Conv2d, Input, LayerNorm, Linear, Positions, Tokens
from search_spaces.transformer import add_attention, add_feed_forward

# arXiv 2505.01386 v4: kg CO2e and ms of the same model on two choices of hardware.
PUBLISHED = {"least_carbon": (0.54, 18.5), "least_latency": (0.69, 5.4)}
# What that paper's code counts: ACT's 2023 table in Taiwan, California's grid, its constant.
FAB_GCO2E_PER_KWH, USE_GCO2E_PER_KWH, INFERENCES = 642.0, 224.0, 30e6
# Jouppi et al., ISCA 2017: 28 nm, at most 331 mm2, shares of the floor plan.
TPU_MM2, TPU_BUFFER = 331.0, 0.29


def blocks(chain: Chain, name: str, width: int, heads: int, count: int) -> None:
    for block in range(count):
        entry = chain.end
        chain.add(f"{name}{block}_norm1", LayerNorm(width))
        add_attention(chain, f"{name}{block}_attention", heads)
        entry = chain.merge(f"{name}{block}_sum1", entry)
        chain.add(f"{name}{block}_norm2", LayerNorm(width))
        add_feed_forward(chain, f"{name}{block}_feedforward", 4 * width, "gelu")
        chain.merge(f"{name}{block}_sum2", entry)


def clip_b_16() -> list[tuple[Layer, ...]]:
    """Image and text tower of CLIP ViT-B/16 (Radford et al. 2021); rows of words are left out."""
    image = Chain((3, 224, 224))
    image.add("patches", Conv2d(3, 768, 16, 16, padding=0))
    image.add("tokens", Tokens())
    image.add("class_token", ClassToken(768))
    image.add("positions", Positions(197, 768))
    blocks(image, "image", 768, 12, 12)
    image.add("projection", Linear(768, 512, bias=False))
    text = Chain((77, 512))
    blocks(text, "text", 512, 8, 12)
    text.add("projection", Linear(512, 512, bias=False))
    return [tuple(image.layers), tuple(text.layers)]


def chosen() -> dict[str, Any]:
    """Least carbon and least latency among the designs that the paper allows."""
    space = accelerator_space()
    costs = [cost_designs(layers, space) for layers in clip_b_16()]
    latency = sum(np.asarray(one.latency_s) for one in costs)
    energy = sum(np.asarray(one.energy_j) for one in costs)
    made = die_embodied_gco2e(
        costs[0].area_mm2 / 100.0,
        node_nm=space.node_nm,
        fab_gco2e_per_kwh=FAB_GCO2E_PER_KWH,
        abatement_pct=space.abatement_pct.value,
        fab_yield=space.fab_yield.value,
    ) + memory_embodied_gco2e(space.dram_technology, 1.0, fab_yield=space.fab_yield.value)
    total_kg = (made + energy * INFERENCES * USE_GCO2E_PER_KWH / 3.6e6) / 1e3
    allowed = np.flatnonzero(costs[0].allowed & (latency <= 0.05))
    found = {}
    for name, column in (("least_carbon", total_kg), ("least_latency", latency)):
        best = allowed[np.argmin(column[allowed])]
        found[name] = {
            "kg": round(float(total_kg[best]), 3),
            "ms": round(float(1e3 * latency[best]), 2),
            "published_kg": PUBLISHED[name][0],
            "published_ms": PUBLISHED[name][1],
            "energy_mj": round(float(1e3 * energy[best]), 2),
            "embodied_kg": round(float(made[best]) / 1e3, 3),
            "terms_ms": terms_ms(space, space.design(int(best))),
        }
        print(name, space.design(int(best)), found[name])
    return found


def terms_ms(space: AcceleratorSpace, design: Accelerator) -> dict[str, float]:
    """What each part of a design would take alone: products at the peak, arrays without filling
    and with it, local buffers, DRAM."""
    one = space.model_copy(update={knob: (getattr(design, knob),) for knob in KNOBS})
    sizes, clock = design_sizes(one), space.clock_hz.value
    parts = dict.fromkeys(
        ("peak", "arrays_without_filling", "arrays", "local_buffers", "dram"), 0.0
    )
    for layers in clip_b_16():
        work = workload(layers)
        taken, shapes = mapped(work, sizes), work.products
        folds = shapes.groups * np.ceil(shapes.n / design.pe_width)
        folds *= np.ceil(shapes.k / design.pe_depth)
        elements = design.clusters * design.pe_width * design.pe_depth
        parts["peak"] += work.total_macs / elements / clock
        rows = np.ceil(folds / design.clusters) * shapes.m
        parts["arrays_without_filling"] += float(rows.sum()) / clock
        parts["arrays"] += float(taken.array_cycles.sum()) / clock
        parts["local_buffers"] += float(taken.local_cycles.sum()) / clock
        parts["dram"] += float(taken.dram_bytes.sum()) / space.dram_bytes_per_s.value
    return {name: round(1e3 * seconds, 2) for name, seconds in parts.items()}


def tpu_buffer_ratio() -> float:
    """Our area of TPU v1's buffer at its node over that of its floor plan.

    The area of an element of an array is derived from that floor plan, and would agree by that.
    """
    space = changed_space(accelerator_space(), {"node_nm": 28})
    ours = 24 * 2**20 * space.sram_area_um2_per_byte.value * space.area_scale.value / 1e6
    print(f"TPU v1 buffer: {ours:.1f} mm2, published up to {TPU_BUFFER * TPU_MM2:.1f} mm2")
    return round(ours / (TPU_BUFFER * TPU_MM2), 3)


def main() -> None:
    """Compare and print."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    for layers in clip_b_16():
        macs = sum(
            layer.op.macs(*(layer_shapes(layers)[name] for name in layer.inputs))
            for layer in layers
            if not isinstance(layer.op, Input)
        )
        print(f"{macs / 1e9:.2f} GMACs")
    print(json.dumps({"clip_b_16": chosen(), "tpu_v1_buffer_area_ratio": tpu_buffer_ratio()}))


if __name__ == "__main__":
    main()
