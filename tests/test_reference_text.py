"""The n-gram that text networks are put beside: by hand, by law, and its reading of windows."""

import numpy as np
import pytest

from experiments.reference.text import KneserNey, text_of_windows


def ids(*values):
    return np.array(values, np.int64)


def test_a_bigram_by_hand():
    """Interpolated Kneser-Ney with all discounts 1/2, as too few counts of counts are there.

    Of a b a b a c (0 1 0 1 0 2): after a come b, b, c: (2 - 1/2) / 3 = 1/2 for b and 2 * 1/2 / 3 =
    1/3 left. Below, each of the three follows one id: (1 - 1/2) / 3 + (3 * 1/2 / 3) / 3 = 1/3.
    So b after a is 1/2 + 1/3 * 1/3 = 11/18, c 1/6 + 1/9 = 5/18, a 1/9 = 2/18.
    """
    model = KneserNey([ids(0, 1, 0, 1, 0, 2)], 2, 3)
    x, y = ids(0, 0, 0)[:, None], ids(1, 2, 0)[:, None]
    np.testing.assert_allclose(model.probabilities(x, y)[:, 0], [11 / 18, 5 / 18, 2 / 18])


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_the_successors_of_any_context_sum_to_one(order):
    rng = np.random.default_rng(order)
    texts = [rng.integers(0, 4, 300), rng.integers(0, 4, 40) % 3]
    model = KneserNey(texts, order, 5)
    for length in (1, 2, 6):
        context = np.repeat(rng.integers(0, 5, (20, length)), 5, axis=0)
        following = np.concatenate([context[:, 1:], np.tile(np.arange(5), 20)[:, None]], axis=1)
        found = model.probabilities(context, following)[:, -1].reshape(20, 5)
        assert (found > 0).all()
        np.testing.assert_allclose(found.sum(1), 1)


def test_a_place_sees_as_much_as_the_order_and_its_window_allow():
    rng = np.random.default_rng(0)
    model = KneserNey([rng.integers(0, 4, 500)], 3, 4)
    x, y = np.split(rng.integers(0, 4, (2, 9))[:, np.add.outer((0, 1), np.arange(8))], 2, axis=1)
    x, y = x[:, 0], y[:, 0]
    whole = model.probabilities(x, y)
    other = x.copy()
    other[:, :4] = (other[:, :4] + 1) % 4
    shorter = model.probabilities(other[:, 4:], y[:, 4:])
    np.testing.assert_allclose(whole[:, 5:], shorter[:, 1:])  # from the second place all of it


def test_the_text_of_shuffled_windows():
    windows = np.arange(12).reshape(4, 3)
    shuffled = windows[np.random.default_rng(0).permutation(4)]
    np.testing.assert_array_equal(text_of_windows(shuffled, 0), np.arange(12))


def test_what_cannot_be_counted_is_refused():
    with pytest.raises(ValueError, match="order 12 of 69 ids: use 1 to 10"):
        KneserNey([ids(0, 1, 2)], 12, 69)
    with pytest.raises(ValueError, match="no text of 4 ids"):
        KneserNey([ids(0, 1, 2)], 4, 69)
