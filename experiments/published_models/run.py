"""Parameters and MACs of published models by `carbon-nas estimate`, beside published figures.

python experiments/published_models/run.py [--model NAME]... [--out results.csv]
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
PLACE = ("--hardware", "rpi4", "--grid", "fr", "--inferences", "1e6", "--lifetime-years", "4")
TORCHVISION = "torchvision 0.28.0, weights metadata (num_params, _ops)"
NASBENCH201 = "NAS-Bench-201 v1.1 by its interface (FLOPs count one more for each class)"
NANOGPT = "MACs: karpathy/nanoGPT, transformer_sizing.ipynb, 291,648,307,200 FLOPs / 2"
MOBILEBERT = "MACs: Sun et al. 2020, arXiv:2004.02984, table 4, 22.5 GFLOPs / 2 (from memory)"
TORCH = "MACs: torch's FlopCounterMode / 2, math attention kernel"


@dataclass(frozen=True)
class Published:
    """What is published of a model.

    Attributes:
        given: Resolution or sequence length.
        parameters: As published, or those of the published configuration.
        macs: Of one sample; None where only torch's own count is at hand.
        source: Of both.
    """

    given: str
    parameters: int
    macs: float | None
    source: str


IMAGE, CIFAR = "3 x 224 x 224", "3 x 32 x 32"
PUBLISHED = {
    "resnet18": Published(IMAGE, 11_689_512, 1.814e9, TORCHVISION),
    "resnet50": Published(IMAGE, 25_557_032, 4.089e9, TORCHVISION),
    "mobilenet_v2": Published(IMAGE, 3_504_872, 0.301e9, TORCHVISION),
    "mobilenet_v3_large": Published(IMAGE, 5_483_032, 0.217e9, TORCHVISION),
    "efficientnet_b0": Published(IMAGE, 5_288_548, 0.386e9, TORCHVISION),
    "densenet121": Published(IMAGE, 7_978_856, 2.834e9, TORCHVISION),
    "shufflenet_v2_x1_0": Published(IMAGE, 2_278_604, 0.145e9, TORCHVISION),
    "convnext_tiny": Published(IMAGE, 28_589_128, 4.456e9, TORCHVISION),
    "vit_b_16": Published(IMAGE, 86_567_656, 17.564e9, TORCHVISION),
    "swin_t": Published(IMAGE, 28_288_354, 4.491e9, TORCHVISION),
    "bert_base": Published(
        "128 tokens", 109_482_240, 11.25e9, f"parameters: published configuration; {MOBILEBERT}"
    ),
    "gpt2_small": Published(
        "1,024 tokens",
        124_439_808,
        145_824_153_600,
        f"parameters: published configuration; {NANOGPT}",
    ),
    "distilbert": Published("128 tokens", 66_362_880, None, f"parameters: configuration; {TORCH}"),
    "smollm_135m": Published(
        "128 tokens", 134_515_008, None, f"parameters: model card (135 M), configuration; {TORCH}"
    ),
    "whisper_tiny_encoder": Published(
        "80 x 3,000 log-mel", 8_208_384, None, f"parameters: configuration; {TORCH}"
    ),
    "nasbench201_conv3x3": Published(CIFAR, 1_531_546, 220_119_690, NASBENCH201),
    "nasbench201_skip": Published(CIFAR, 73_306, 7_783_050, NASBENCH201),
}


@dataclass(frozen=True)
class Row:
    """One model of the table; `ratio` is ours over published, where something is published."""

    model: str
    given: str
    parameters: int
    published_parameters: int
    macs: int
    published_macs: float | None
    ratio: float | None
    notes: str
    source: str


def estimated(name: str) -> tuple[int, int, tuple[str, ...]]:
    """Parameters, MACs and what the command says besides, of a function of `models.py`."""
    target = f"{HERE / 'models.py'}:{name}"
    done = subprocess.run(
        [sys.executable, "-m", "nas", "estimate", target, *PLACE, "--json"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(HERE.parents[1])},
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    (row,) = json.loads(done.stdout)
    said = [line for line in done.stderr.splitlines() if line.startswith("carbon-nas: ")]
    return row["params"], row["macs"], tuple(line.removeprefix("carbon-nas: ") for line in said)


def compared(name: str) -> Row:
    """A row of the table."""
    known = PUBLISHED[name]
    parameters, macs, notes = estimated(name)
    ratio = None if known.macs is None else macs / known.macs
    return Row(
        name,
        known.given,
        parameters,
        known.parameters,
        macs,
        known.macs,
        ratio,
        "; ".join(notes),
        known.source,
    )


def main() -> None:
    """Print the table and keep it."""
    given = argparse.ArgumentParser()
    given.add_argument("--model", action="append", choices=tuple(PUBLISHED))
    given.add_argument("--out", type=Path, default=None)
    options = given.parse_args()
    rows = []
    for name in options.model or PUBLISHED:
        row = compared(name)
        rows.append(row)
        ratio = "as torch" if row.ratio is None else f"{row.ratio:.4f}"
        print(f"{name:22} {row.given:20} {row.parameters:>12,} {row.macs:>16,} {ratio}", flush=True)
    if options.out is not None:
        with options.out.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, list(asdict(rows[0])), lineterminator="\n")
            table.writeheader()
            table.writerows(asdict(row) for row in rows)
    ratios = [row.ratio for row in rows if row.ratio is not None]
    figures = {
        "models": len(rows),
        "parameters_exact": sum(row.parameters == row.published_parameters for row in rows),
        "with_published_macs": len(ratios),
        "macs_ratio_low": min(ratios, default=None),
        "macs_ratio_high": max(ratios, default=None),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
