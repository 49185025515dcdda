"""Works whose rates are peaks: what they compute and how much of it."""

import os

import numpy as np
import torch

from nas.models import board
from nas.models.peaks import copies, finished, int8_product, products


def test_products_and_copies_say_their_amounts():
    cpu = torch.device("cpu")
    (product,) = products(("fp32",), cpu)
    assert product[0] == "fp32" and product[2] == 1024.0**3
    assert float(product[1]()[0, 0]) == 1024.0
    (copy,) = copies({"cache": 4096}, cpu)
    assert copy[2] == 8192.0 and copy[1]().numel() == 1024
    assert finished(product[1], cpu) is product[1]


def test_int8_products_are_exact():
    name, work, macs = int8_product(1)
    (found,) = work()
    assert name == "int8" and macs == 1024.0**3
    assert found.dtype == np.int32 and (found == 1024).all()


def test_pinning_holds_inside_and_ends_outside():
    before = os.sched_getaffinity(0)
    with board.pinned(1):
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before
    with board.pinned(len(before)):
        assert os.sched_getaffinity(0) == before
