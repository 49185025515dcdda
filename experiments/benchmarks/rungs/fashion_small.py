"""A part of Fashion-MNIST: 3,072 images to train on, 1,500 to choose by, 3,000 to test on."""

import numpy as np

from nas.models.own_tasks import Data
from nas.models.tasks import load_splits, load_test
from nas.models.tasks import task as shipped

TRAIN, VALIDATION, TEST = 3072, 1500, 3000


def task() -> Data:
    """The first images of each split of the shipped task."""
    whole = shipped("fashion-mnist")
    splits = load_splits(whole)
    test_x, test_y = load_test(whole)
    parts = ("train", TRAIN), ("validation", VALIDATION), ("test", TEST)
    return Data(
        x=np.concatenate([splits.train_x[:TRAIN], splits.validation_x[:VALIDATION], test_x[:TEST]]),
        y=np.concatenate([splits.train_y[:TRAIN], splits.validation_y[:VALIDATION], test_y[:TEST]]),
        part=np.repeat([name for name, _ in parts], [count for _, count in parts]),
        kind="classification",
        metric="accuracy",
        label="Fashion-MNIST, a part",
        licence="MIT",
    )
