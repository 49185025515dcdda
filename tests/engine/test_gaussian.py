"""The Gaussian process: gradients, interpolation, and what it says of what it cannot know."""

import numpy as np
import pytest
from scipy.optimize import check_grad

from nas.engine.gaussian import _misfit, _squared, fit_process


def groups(count, seed):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((count, 2)), rng.standard_normal((count, 3))]


def values(features):
    return np.sin(features[0][:, 0]) + 0.3 * features[1][:, 1]


def test_the_gradient_is_that_of_the_misfit():
    features = groups(30, 0)
    distances = [_squared(group, group) for group in features]
    given = (distances, values(features), np.array([0.3, 0.3, -2.5]))
    apart = check_grad(
        lambda at: _misfit(at, *given)[0],
        lambda at: _misfit(at, *given)[1],
        np.array([0.1, 0.5, -2]),
    )
    assert apart < 1e-3


def test_it_predicts_what_it_was_not_shown():
    seen, unseen = groups(150, 1), groups(100, 2)
    mean, sd = fit_process(seen, values(seen)).predict(unseen)
    errors = values(unseen) - mean
    assert np.std(errors) < 0.25 * np.std(values(unseen))
    assert 0.5 < np.sqrt(np.mean((errors / sd) ** 2)) < 2


def test_it_is_sure_where_it_was_shown_and_unsure_far_away():
    features = groups(60, 3)
    process = fit_process(features, values(features))
    _, near = process.predict([group[:1] for group in features])
    _, far = process.predict([group[:1] + 50 for group in features])
    assert far[0] > 3 * near[0]


def test_noise_is_found():
    features = groups(200, 4)
    noisy = values(features) + 0.2 * np.random.default_rng(5).standard_normal(200)
    assert fit_process(features, noisy).noise == pytest.approx(0.2, rel=0.5)
