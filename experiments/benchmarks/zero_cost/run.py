"""Whether signals at initialisation help the model of error, on the trained `mbconv` table.

    python experiments/benchmarks/zero_cost/run.py [--splits 40]

Gradient norm, SNIP, synflow and the covariance of the Jacobian (Abdelfattah et al. 2021,
arXiv:2101.08134) of 64 training images at the first weights, as further features of the sampler's
model; beside them the validation error after the first epoch, which searches with rungs and warm
starts have. Some networks are known, the others are ranked: Spearman with the final test error,
and the mean difference from the model without on the same splits. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import torch
from scipy.stats import spearmanr

from nas.engine.candidates import standardised
from nas.engine.domain import domain_of_space
from nas.engine.gaussian import fit_process
from nas.models.build import build
from nas.models.tasks import load_splits, task
from search_spaces import space
from search_spaces.graph import simplify
from search_spaces.graph_features import graph_features
from search_spaces.layers import Layer

TABLE = Path(__file__).parents[2] / "tables" / "trained_mbconv.parquet"
LATENCY = "latency_s rpi4:int8"
SPACE, TASK = space("mbconv"), task("fashion-mnist")
NAMES = ("gradient norm", "snip", "synflow", "jacobian covariance")
IMAGES, KNOWN = 64, (25, 60)
_LEAST = 1e-5


def signals(layers: tuple[Layer, ...], x: torch.Tensor, y: torch.Tensor) -> list[float]:
    """The four of `NAMES`, in logarithms."""
    module = build(layers, seed=0)
    module.train()
    torch.nn.functional.cross_entropy(module(x), y).backward()
    kept = [p for p in module.parameters() if p.grad is not None]
    gradients = [(p.detach(), torch.as_tensor(p.grad)) for p in kept]
    norm = sum(float((g**2).sum()) for _, g in gradients) ** 0.5
    snip = sum(float((p * g).abs().sum()) for p, g in gradients)
    module.zero_grad()
    inputs = x.clone().requires_grad_(True)
    module(inputs).sum().backward()
    jacobian = torch.as_tensor(inputs.grad).reshape(len(x), -1).numpy()
    within = np.linalg.eigvalsh(np.corrcoef(jacobian))
    spread = np.maximum(within, _LEAST)
    positive = build(layers, seed=0)
    positive.eval()
    with torch.no_grad():
        for parameter in positive.parameters():
            parameter.abs_()
    positive(torch.ones_like(x[:1])).sum().backward()
    flow = sum(
        float((p.detach() * p.grad).abs().sum())
        for p in positive.parameters()
        if p.grad is not None
    )
    return [*np.log([norm, snip, flow]), -float(np.log1p(np.sum(np.log(spread) + 1 / spread)))]


def agreement(groups: list[np.ndarray], final: np.ndarray, known: int, seed: int) -> float:
    """Of the order of the networks that are not known."""
    order = np.random.default_rng(seed).permutation(len(final))
    told, rest = order[:known], order[known:]
    unit = standardised(groups)
    process = fit_process([group[told] for group in unit], np.log(final[told]))
    expected = process.expect([group[rest] for group in unit])
    return float(spearmanr(expected, final[rest])[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--splits", type=int, default=40)
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = pd.read_parquet(TABLE)
    by = rows[rows["status"] == "trained"].groupby("index")
    points = [json.loads(text) for text in by["architecture"].first()]
    final = by["final_test_error"].mean().to_numpy()
    first = rows[rows["epoch"] == 1].groupby("index")["validation_error"].mean().to_numpy()
    networks = [SPACE.layers(point, TASK.input_shape, TASK.outputs) for point in points]
    splits = load_splits(TASK)
    x = torch.as_tensor(np.asarray(splits.train_x[:IMAGES]), dtype=torch.float32)
    x, y = (x - x.mean()) / x.std(), torch.as_tensor(np.asarray(splits.train_y[:IMAGES])).long()
    began = time.process_time()
    told = np.array([signals(layers, x, y) for layers in networks])
    each_ms = 1e3 * (time.process_time() - began) / len(networks)
    named = [graph_features(simplify(layers)) for layers in networks]
    names = sorted(set().union(*named))
    graph = np.array([[row.get(name, 0.0) for name in names] for row in named])
    plain = [*domain_of_space(SPACE).encode(points), graph]
    plain.append(np.log(by[LATENCY].first().to_numpy())[:, None])
    kinds = {
        "without": plain,
        "all four": [*plain, told],
        "synflow": [*plain, told[:, 2:3]],
        "first epoch": [*plain, np.log(first)[:, None]],
    }
    alone = {
        name: round(float(spearmanr(column, final)[0]), 3)
        for name, column in zip(NAMES, told.T, strict=True)
    }
    found: dict[str, Any] = {"ms_a_network": round(each_ms, 1), "alone": alone, "known": {}}
    for known in KNOWN:
        ranks = {
            kind: np.array([agreement(groups, final, known, seed) for seed in range(args.splits)])
            for kind, groups in kinds.items()
        }
        for kind, own in ranks.items():
            ahead = own - ranks["without"]
            drawn = np.random.default_rng(0).choice(ahead, (2000, len(ahead))).mean(axis=1)
            low, high = np.quantile(drawn, (0.025, 0.975))
            row = [round(float(value), 3) for value in (own.mean(), ahead.mean(), low, high)]
            found["known"][f"{known} {kind}"] = row
            print(
                f"{known:>3} known, {kind:<12} {row[0]:.3f}  {row[1]:+.3f} ({row[2]} to {row[3]})"
            )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
