"""Expected gains against drawing, and against exact hypervolume where all is known."""

import numpy as np
import pytest

from nas.engine.gain import Known, LogNormal, Normal, expected_gain
from nas.pareto import hypervolume
from nas.pareto.boxes import undominated_boxes

FRONT = np.array([[0.2, 0.8, 0.5], [0.5, 0.4, 0.6], [0.8, 0.1, 0.9]])
REFERENCE = np.ones(3)


def added(point):
    after = hypervolume(np.vstack([FRONT, point]), REFERENCE)
    return after - hypervolume(FRONT, REFERENCE)


def test_known_objectives_give_the_exact_gain():
    points = np.random.default_rng(1).random((20, 3))
    boxes = undominated_boxes(FRONT, REFERENCE)
    gains = expected_gain(*boxes, [Known(points[:, column]) for column in range(3)])
    assert gains == pytest.approx([added(point) for point in points])


@pytest.mark.parametrize("kind", [Normal, LogNormal])
def test_a_believed_objective_gives_the_mean_over_draws(kind):
    mean, sd = (0.4, 0.2) if kind is Normal else (np.log(0.4), 0.3)
    normal = np.random.default_rng(2).standard_normal(4000) * sd + mean
    errors = normal if kind is Normal else np.exp(normal)
    drawn = [added([error, 0.3, 0.4]) for error in errors]
    boxes = undominated_boxes(FRONT, REFERENCE)
    belief = kind(np.array([mean]), np.array([sd]))
    gain = expected_gain(*boxes, [belief, Known(np.array([0.3])), Known(np.array([0.4]))])
    assert gain[0] == pytest.approx(np.mean(drawn), abs=4 * np.std(drawn) / np.sqrt(4000))


def test_two_rows_of_one_candidate_count_their_common_region_once():
    # Costs (0.3, 0.6) and (0.5, 0.2) at error 0.1: from 0.5 on the second row serves.
    rows = np.array([[0.1, 0.3, 0.6], [0.1, 0.5, 0.2]])
    beliefs = [
        Known(rows[:, 0]), Known(rows[:, 1], np.array([0.5, np.inf])), Known(rows[:, 2])
    ]  # fmt: skip
    together = expected_gain(*undominated_boxes(FRONT, REFERENCE), beliefs).sum()
    both = hypervolume(np.vstack([FRONT, rows]), REFERENCE) - hypervolume(FRONT, REFERENCE)
    assert together == pytest.approx(both)
