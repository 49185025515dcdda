"""How a candidate is trained: a frozen recipe and the measured defaults. No torch.

A task has a recipe, and some spaces change it; both were measured (`experiments/recipes/`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Literal, get_args

from nas.errors import ConfigError, unknown_name
from search_spaces.op_checks import LATER, arguments

__all__ = ["Recipe", "default_recipe", "recipe_from_dict", "recipe_to_dict"]

Augmentation = Literal["none", "shift", "flip", "shift-flip"]
TrainingPrecision = Literal["fp32", "bf16"]
Optimiser = Literal["adamw", "muon"]
TrainingDevice = Literal["cpu", "cuda"]
Layout = Literal["channels_last", "channels_first"]
Decay = Literal["cosine", "linear"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides a training besides layers, task and seed.

    Attributes:
        epochs: Passes over the training samples, >= 1.
        batch_size: Samples per step, >= 2 (batch normalisation needs two).
        learning_rate: Peak of the schedule, > 0.
        weight_decay: Decoupled, of weights with two or more dimensions, >= 0.
        label_smoothing: In [0, 1); of no meaning for a regression.
        precision: ``"bf16"`` computes convolutions and products in bfloat16 (autocast).
        threads: Torch threads, >= 1; part of the recipe because results depend on it.
        limit_s: Wall-clock limit in seconds, or None.
        augmentation: ``"shift"`` moves each image by up to 1/14 of its height (2 of 28 pixels, 1 of
            8), ``"flip"`` mirrors half of them left to right, ``"shift-flip"`` does both; for
            images only.
        device: ``"cuda"`` trains on the first GPU that torch sees, where results are not the same
            bit for bit; what is measured of a trained network is measured on the processor.
        optimiser: ``"muon"`` makes the steps of a matrix of weights orthogonal (`nas.models.muon`),
            which takes fewer epochs for convolutions; the rest, and all of ``"adamw"``, by AdamW.
        warm_up: Share of the steps in which the rate rises to its peak in a line, in (0, 1).
        decay: How it then falls to nothing: in half a ``"cosine"``, or ``"linear"``.
        layout: Order of an image's axes in memory while it is trained; channels last was 1.3 to 1.8
            times as fast on the processors measured.
        id_dropout: Share of the training samples for which the vector of an id is 0, each column
            with more than 64 categories by itself, in [0, 1): ids that come later are then not
            strange.
        huber_delta: Of a regression, the residual in deviations of the target beyond which the
            loss grows in a line and not as a square (Huber 1964, doi:10.1214/aoms/1177703732), > 0;
            None is squared error.
        group_effects: While training, add to the output of a sample what its group (a day) has
            beyond what the inputs of the group tell (`nas.models.group_effects`), so that the
            network need not learn it; for tables with groups of five rows or more in the mean, of a
            regression or a binary task that is judged by AUC.
        train_images: Only the first so many training samples (their order is fixed), for a
            search that cannot afford all; None is all. At least 2.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    label_smoothing: float
    precision: TrainingPrecision = "fp32"
    threads: int = 1
    limit_s: float | None = None
    augmentation: Augmentation = "none"
    train_images: int | None = None
    id_dropout: float = field(default=0.0, metadata=LATER)
    huber_delta: float | None = field(default=None, metadata=LATER)
    optimiser: Optimiser = field(default="adamw", metadata=LATER)
    device: TrainingDevice = field(default="cpu", metadata=LATER)
    group_effects: bool = field(default=False, metadata=LATER)
    layout: Layout = field(default="channels_last", metadata=LATER)
    warm_up: float = field(default=0.25, metadata=LATER)
    decay: Decay = field(default="cosine", metadata=LATER)

    def __post_init__(self) -> None:
        self._check_kinds()
        ranges = {
            "epochs": (self.epochs >= 1, ">= 1"),
            "batch_size": (self.batch_size >= 2, ">= 2"),
            "learning_rate": (self.learning_rate > 0, "> 0"),
            "weight_decay": (self.weight_decay >= 0, ">= 0"),
            "label_smoothing": (0 <= self.label_smoothing < 1, "in [0, 1)"),
            "precision": (
                self.precision in get_args(TrainingPrecision),
                f"one of {get_args(TrainingPrecision)}",
            ),
            "threads": (self.threads >= 1, ">= 1"),
            "limit_s": (self.limit_s is None or self.limit_s > 0, "> 0 or null"),
            "optimiser": (self.optimiser in get_args(Optimiser), "adamw or muon"),
            "device": (self.device in get_args(TrainingDevice), "cpu or cuda"),
            "warm_up": (0 < self.warm_up < 1, "in (0, 1)"),
            "decay": (self.decay in get_args(Decay), "cosine or linear"),
            "layout": (self.layout in get_args(Layout), "channels_last or channels_first"),
            "augmentation": (
                self.augmentation in get_args(Augmentation),
                f"one of {get_args(Augmentation)}",
            ),
            "id_dropout": (0 <= self.id_dropout < 1, "in [0, 1)"),
            "huber_delta": (self.huber_delta is None or self.huber_delta > 0, "> 0 or null"),
            "train_images": (self.train_images is None or self.train_images >= 2, ">= 2 or null"),
        }
        for name, (holds, wanted) in ranges.items():
            if not holds:
                raise ConfigError(f"recipe: {name}={getattr(self, name)!r} is not {wanted}")

    def samples_seen(self, samples: int) -> int:
        """How many samples a training passes through, of so many training samples."""
        return self.epochs * min(samples, self.train_images or samples)

    def _check_kinds(self) -> None:
        for setting in dataclasses.fields(self):
            value, kind = getattr(self, setting.name), str(setting.type)
            if "None" in kind and value is None:
                continue
            whole = isinstance(value, int) and not isinstance(value, bool)
            if "int" in kind and not whole:
                raise ConfigError(f"recipe: {setting.name}={value!r} is not a whole number")
            if "float" in kind and not (whole or (isinstance(value, float) and isfinite(value))):
                raise ConfigError(f"recipe: {setting.name}={value!r} is not a finite number")
            if kind == "bool" and not isinstance(value, bool):
                raise ConfigError(f"recipe: {setting.name}={value!r} is not true or false")


# On clicks a second epoch fits the ids of the training part and loses elsewhere. Weather is of the
# day: what fits the days of flights in the training part loses on others.
_SEARCH = {
    "digits": Recipe(12, 64, 0.06, 0.05, 0.1),
    "fashion-mnist": Recipe(1, 32, 0.02, 0.05, 0.1, train_images=16_000),
    "breast-cancer": Recipe(10, 32, 0.01, 1.0, 0.0),
    "flights": Recipe(1, 256, 0.005, 0.1, 0.0, train_images=100_000, group_effects=True),
    "diamonds": Recipe(6, 64, 0.02, 0.01, 0.0),
    "movielens": Recipe(1, 256, 0.005, 0.1, 0.0),
    "shakespeare": Recipe(1, 32, 0.004, 0.1, 0.0, train_images=30_000),
    "japanese-vowels": Recipe(30, 32, 0.01, 0.05, 0.1),
}
_FINAL = {
    "digits": Recipe(40, 64, 0.06, 0.05, 0.1),
    "fashion-mnist": Recipe(8, 64, 0.02, 0.05, 0.1),
    "breast-cancer": Recipe(10, 32, 0.01, 1.0, 0.0),
    "flights": Recipe(1, 256, 0.005, 0.1, 0.0, group_effects=True),
    "diamonds": Recipe(20, 64, 0.02, 0.01, 0.0),
    "movielens": Recipe(1, 256, 0.005, 0.1, 0.0),
    "shakespeare": Recipe(2, 32, 0.003, 0.1, 0.0),
    "japanese-vowels": Recipe(60, 32, 0.01, 0.05, 0.1),
}


# What a space changes of its task's recipes, the short and the final one.
_CHANGES: dict[tuple[str, str], dict[str, Any]] = {
    ("digits", "vit"): {"learning_rate": 0.01},
    ("fashion-mnist", "vit"): {"learning_rate": 0.008},
    # With ids dropped, later epochs help: most of those who rate later were never seen.
    ("movielens", "mlp"): {"epochs": 6, "learning_rate": 0.001, "id_dropout": 0.8},
    # Without effects of days a second epoch gains. The decay is the best over four splits of
    # days, with them.
    ("flights", "mlp"): {
        "epochs": 2,
        "learning_rate": 0.003,
        "weight_decay": 0.3,
        "id_dropout": 0.5,
        "train_images": None,
    },
    # Half a point better for 3 to 5 % more time; on digits no better.
    ("fashion-mnist", "mbconv"): {"optimiser": "muon"},
    # Ranks by enough images for wide and deep blocks to show what they are worth.
    ("fashion-mnist", "resnet"): {
        "epochs": 2,
        "batch_size": 64,
        "learning_rate": 0.01,
        "train_images": 20_000,
    },
    # Perplexity 4.73 for 4.89 after 30,000 windows, for a tenth more time.
    ("shakespeare", "gpt"): {"optimiser": "muon", "learning_rate": 0.01},
    # Prices have outliers, which squared error would follow.
    ("diamonds", "mlp"): {
        "epochs": 10,
        "batch_size": 256,
        "learning_rate": 0.003,
        "weight_decay": 0.1,
        "huber_delta": 0.1,
    },
}
# What it changes further of the final one.
_FINAL_CHANGES: dict[tuple[str, str], dict[str, Any]] = {
    ("fashion-mnist", "resnet"): {
        "epochs": 12,
        "batch_size": 128,
        "augmentation": "flip",
        "train_images": None,
    },
    ("fashion-mnist", "mbconv"): {"optimiser": "adamw"},  # eight epochs: not tried
    ("diamonds", "mlp"): {"epochs": 24},
    ("flights", "mlp"): {"epochs": 3},
}


def default_recipe(
    task_name: str,
    space_name: str | None = None,
    *,
    final: bool = False,
    precision: TrainingPrecision = "fp32",
    threads: int = 1,
    limit_s: float | None = None,
) -> Recipe:
    """The measured default recipe of a task, as the search space changes it.

    Args:
        task_name: Name of a shipped task; for a task of one's own that of a shipped one like it.
        space_name: Name of a search space; what is not in the table (networks that belong to none,
            spaces of one's own) takes the task's recipe as it is, and so does None.
        final: The longer training of an export instead of the short one of a search.
        precision: ``"bf16"`` is slower than fp32 for depthwise networks on the processors measured.
        threads: Torch threads.
        limit_s: Wall-clock limit of one training in seconds, or None.

    Raises:
        ConfigError: If the task has no recipe.
    """
    recipes = _FINAL if final else _SEARCH
    if task_name not in recipes:
        raise ConfigError(unknown_name("task", task_name, recipes, "carbon-nas task list"))
    pair = (task_name, space_name or "")
    changed = {**_CHANGES.get(pair, {}), **(_FINAL_CHANGES.get(pair, {}) if final else {})}
    return dataclasses.replace(
        recipes[task_name], **changed, precision=precision, threads=threads, limit_s=limit_s
    )


def recipe_to_dict(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain data, for keys, config and record files; newer fields where they act."""
    return arguments(recipe)


def recipe_from_dict(data: Mapping[str, Any]) -> Recipe:
    """The recipe of `recipe_to_dict`.

    Raises:
        ConfigError: If a key is unknown or missing, or a value out of range.
    """
    known = {field.name: field for field in dataclasses.fields(Recipe)}
    for name in data:
        if name not in known:
            raise ConfigError(unknown_name("recipe", name, known, "carbon-nas init"))
    missing = [
        name
        for name, field in known.items()
        if field.default is dataclasses.MISSING and name not in data
    ]
    if missing:
        raise ConfigError(f"recipe: {', '.join(missing)} missing; add it")
    return Recipe(**data)
