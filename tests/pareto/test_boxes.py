"""Boxes of the undominated region: disjoint, and their volume is what hypervolume says."""

import moocore
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.errors import FrontError
from nas.pareto.boxes import undominated_boxes


def fronts(objectives):
    point = st.tuples(*[st.integers(0, 9)] * objectives)
    return st.lists(point, max_size=8)


def volume_added(front, reference, point):
    """By the boxes: what a point adds to the hypervolume."""
    lower, upper = undominated_boxes(front, reference)
    return np.prod(np.maximum(upper - np.maximum(lower, point), 0), axis=1).sum()


def hypervolume(front, reference):
    inside = [row for row in front if all(np.less(row, reference))]
    return moocore.hypervolume(np.array(inside, float), ref=reference) if inside else 0.0


@pytest.mark.parametrize("objectives", [1, 2, 3, 4])
def test_the_boxes_give_what_a_new_point_adds(objectives):
    @settings(max_examples=60, deadline=None)
    @given(fronts(objectives), st.tuples(*[st.integers(0, 9)] * objectives))
    def added_is_the_difference(front, point):
        reference = np.full(objectives, 8.0)
        before, after = hypervolume(front, reference), hypervolume([*front, point], reference)
        assert volume_added(front, reference, np.array(point, float)) == pytest.approx(
            after - before
        )

    added_is_the_difference()


def test_three_steps_by_hand():
    # Front (1, 3), (2, 1) below (4, 4): columns (-inf, 1) up to 4, (1, 2) up to 3, (2, 4) up to 1.
    lower, upper = undominated_boxes([[2, 1], [1, 3]], [4, 4])
    assert upper.tolist() == [[1, 4], [2, 3], [4, 1]]
    assert lower.tolist() == [[-np.inf, -np.inf], [1, -np.inf], [2, -np.inf]]


def test_boxes_do_not_overlap():
    rng = np.random.default_rng(0)
    lower, upper = undominated_boxes(rng.random((30, 3)), np.ones(3))
    inside = (lower[:, None] < upper) & (lower < upper[:, None])
    assert (inside.all(axis=2) == np.eye(len(lower), dtype=bool)).all()


def test_a_reference_that_is_not_finite_is_refused():
    with pytest.raises(FrontError, match="one finite value an objective"):
        undominated_boxes([[1, 2]], [np.inf, 1])
