"""How much the best accelerator depends on the network: why fixing it first costs so little.

    python experiments/benchmarks/joint_search/coupling.py --table FILE --accuracy COLUMN --out DIR
        [--inferences 1e9]

For the design that `hardware-first-*` of run.py fixes with the start of each seed: how it orders
networks beside what each one's best design does, whom it does not serve, and what share of the
exact hypervolume it could reach. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "search_efficiency"))
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from cells import read_problem
from joint import PRECISIONS, Joint, read_joint
from run import START, Trainer, _first_hardware
from scipy.stats import spearmanr

from nas.pareto import non_dominated

KINDS = range(len(PRECISIONS))
SAMPLE = 1500


def front_of(joint: Joint) -> list[tuple[int, int]]:
    """Class and precision of what is on the exact front below the median error."""
    served = np.argwhere(np.isfinite(joint.best))
    rows = np.array([[joint.errors[n, p], joint.best[n, p]] for n, p in served])
    front = served[non_dominated(rows)]
    limit = joint.region[1][0]
    return [(int(n), int(p)) for n, p in front if joint.errors[n, p] < limit]


def fixed(joint: Joint, seed: int, front: list[tuple[int, int]]) -> dict[str, Any]:
    """What the design that a seed fixes first is worth."""
    trainer = Trainer(joint, START, np.random.default_rng(seed))
    while not trainer.done():
        trainer.train(trainer.untrained())
    design = _first_hardware(trainer)
    drawn = np.random.default_rng(0).choice(len(joint.errors), SAMPLE, replace=False)
    own = np.array([[joint.carbon(n, p)[design] for p in KINDS] for n in drawn])
    best = joint.best[drawn]
    both = np.isfinite(own) & np.isfinite(best)
    carbon = [(n, p, joint.carbon(n, p)[design]) for n, p in front]
    kept = [[joint.errors[n, p], grams] for n, p, grams in carbon if np.isfinite(grams)]
    return {
        "design": design,
        "rank_agreement": round(float(spearmanr(own[both], best[both])[0]), 4),
        "not_served": round(float(1 - both.sum() / np.isfinite(best).sum()), 4),
        "carbon_ratio": round(float(np.median(own[both] / best[both])), 3),
        "of_the_front": len(kept),
        "front_worth": round(joint.volume(np.array(kept)) / joint.exact, 4) if kept else 0.0,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--accuracy", required=True)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--inferences", type=float, default=1e9)
    parser.add_argument("--out", type=Path, default=Path("runs/joint_search"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    cells = read_problem(args.table, args.accuracy, [])
    joint = read_joint(cells, args.out / "costs.npz", args.inferences)
    front = front_of(joint)
    used = Counter(int(np.argmin(joint.carbon(n, p))) for n, p in front)
    print(f"{len(front)} points on the front, on designs {dict(used)}")
    rows = [fixed(joint, seed, front) for seed in range(args.seeds)]
    for row in rows:
        print(row)
    print(json.dumps({"front": len(front), "designs": used, "fixed": rows}))


if __name__ == "__main__":
    main()
