import numpy as np
import pytest

from nas.carbon.quantity import quantity
from nas.errors import StudyError


def test_a_scalar_and_an_array_keep_their_shape():
    assert quantity("delay_s", 2).shape == ()
    assert quantity("delay_s", [[1.0, 2.0]]).shape == (1, 2)
    assert quantity("delay_s", [1, 2]).dtype == np.float64


WRONG = [float("nan"), float("inf"), -1.0, [1.0, -1.0], [1.0, None], [[1.0], [1.0, 2.0]], 1 + 0j]
OF_ANOTHER_KIND = [None, "7", ["7"], True, np.True_, [True], np.array([1 + 0j]), np.timedelta64(1)]


@pytest.mark.parametrize("value", [*WRONG, *OF_ANOTHER_KIND])
def test_what_is_no_finite_number_in_range_is_refused_by_name(value):
    with pytest.raises(StudyError, match=r"^delay_s: got .*; give a"):
        quantity("delay_s", value)


def test_the_message_names_the_first_bad_element_and_the_bounds():
    with pytest.raises(
        StudyError, match=r"share: got 1\.5; give a finite number above 0 and at most"
    ):
        quantity("share", [0.5, 1.5, 2.5], most=1.0, above=True)


def test_an_excluded_bound_is_refused_and_an_included_one_is_not():
    assert quantity("share", 0.0) == 0.0
    with pytest.raises(StudyError, match="above 0"):
        quantity("share", 0.0, above=True)
