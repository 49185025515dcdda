"""Published models by `carbon-nas estimate`, and where their products are, by hand."""

import importlib.util
import sys
from pathlib import Path

import pytest

from nas.cost.breakdown import breakdown
from nas.models.factory import factory_layers
from search_spaces.layers import mac_count, parameter_count

FOLDER = Path(__file__).parents[2] / "experiments" / "published_models"
MISSING = [name for name in ("torchvision", "transformers") if not importlib.util.find_spec(name)]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason="the extra 'published' is not installed"),
]


def _script():
    where = importlib.util.spec_from_file_location("published_models_run", FOLDER / "run.py")
    loaded = importlib.util.module_from_spec(where)
    sys.modules[where.name] = loaded
    where.loader.exec_module(loaded)
    return loaded


RUN = _script()


@pytest.mark.parametrize("name", RUN.PUBLISHED)
def test_parameters_are_the_published_ones_and_macs_within_one_percent(name):
    row = RUN.compared(name)
    assert row.parameters == row.published_parameters
    assert row.ratio is None or 0.99 <= row.ratio <= 1.01
    # `estimate` says so where parameters or products are not those that torch counts.
    assert "torch counts" not in row.notes
    assert "parameters, its layers" not in row.notes


def _groups(name):
    layers, _ = factory_layers(FOLDER / "models.py", name)
    rows = {row.group: (row.macs, row.params) for row in breakdown(layers)}
    assert sum(macs for macs, _ in rows.values()) == mac_count(layers)
    assert sum(params for _, params in rows.values()) == parameter_count(layers)
    return rows


def test_bert_base_by_operators_by_hand():
    rows = _groups("bert_base")
    # 12 layers, 768 features, 12 heads of 64, 128 tokens, inner 3072.
    projections = 12 * 4 * 128 * 768 * 768
    scores_and_mix = 12 * 2 * 12 * 128 * 128 * 64
    assert rows["attention"] == (projections + scores_and_mix, 12 * 4 * (768 * 768 + 768))
    # Both inner products of every token, and the pooler's of the first token.
    inner = 12 * 2 * 128 * 768 * 3072 + 768 * 768
    inner_params = 12 * (2 * 768 * 3072 + 3072 + 768) + 768 * 768 + 768
    assert rows["feed-forward"] == (inner, inner_params)
    # Words, positions, sentences; their sum is normalised, and so are both halves of every layer.
    assert rows["embedding"] == (0, (30_522 + 512 + 2) * 768)
    assert rows["normalisation and elementwise"] == (0, (1 + 2 * 12) * 2 * 768)


def test_resnet_50_by_operators_by_hand():
    rows = _groups("resnet50")
    # Bottlenecks (narrow, wide, blocks, side of the output): 1x1, 3x3 and 1x1 products; the first
    # 1x1 of a stage is before the step of its 3x3, and its shortcut is a 1x1 of its own.
    products = 112 * 112 * 64 * 3 * 49
    weights = 64 * 3 * 49
    given, side_in = 64, 56
    for narrow, wide, blocks, side in ((64, 256, 3, 56), (128, 512, 4, 28), (256, 1024, 6, 14),
                                       (512, 2048, 3, 7)):  # fmt: skip
        first, middle, last, shortcut = (
            given * narrow, 9 * narrow * narrow, narrow * wide, given * wide
        )  # fmt: skip
        products += side_in**2 * first + side**2 * (middle + last + shortcut)
        weights += first + middle + last + shortcut
        rest = wide * narrow + middle + last
        products += (blocks - 1) * side**2 * rest
        weights += (blocks - 1) * rest
        given, side_in = wide, side
    assert rows["convolution"] == (products, weights)
    assert rows["feed-forward"] == (2048 * 1000, 2048 * 1000 + 1000)
    assert "attention" not in rows
