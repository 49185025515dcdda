"""Share of good dies from the density of defects on the wafer."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike

from hardware_profiles.materials import YieldRule
from nas.carbon.quantity import Numbers, fitting, quantity
from nas.errors import StudyError

__all__ = ["die_yield"]

_RULES: dict[YieldRule, Callable[[Numbers], Numbers]] = {
    "poisson": lambda defects: np.exp(-defects),
    # expm1 keeps small defect counts exact; no defects at all is a yield of 1.
    "murphy": lambda defects: np.square(
        np.divide(-np.expm1(-defects), defects, out=np.ones_like(defects), where=defects > 0)
    ),
    "seeds": lambda defects: np.exp(-np.sqrt(defects)),
    "negative_exponential": lambda defects: 1.0 / (1.0 + defects),
}


@fitting
def die_yield(area_cm2: ArrayLike, *, defects_per_cm2: ArrayLike, model: YieldRule) -> Numbers:
    """Share of good dies of an area, in (0, 1], with ``x = area * defects``.

    ``poisson`` exp(-x); ``murphy`` ((1 - exp(-x)) / x)^2; ``seeds`` exp(-sqrt(x));
    ``negative_exponential`` 1 / (1 + x). Texts do not agree on the names of the last two: some
    call exp(-sqrt(x)) Moore's model and 1 / (1 + x) Seeds', so compare formulas, not names.

    Args:
        area_cm2: Area of one die, >= 0.
        defects_per_cm2: Killing defects on the wafer, >= 0.
        model: One of the four.

    Returns:
        Shares, of the shape the arguments broadcast to.

    Raises:
        StudyError: If a number is not finite or negative, the model is unknown, or so many defects
            leave no good die.

    Source:
        Murphy, Proc. IEEE 1964; Seeds, IEEE IEDM 1967; Poisson, see Cunningham, IEEE Trans.
        Semiconductor Manufacturing 1990. ``negative_exponential`` is ACT v2's exponential model
        (facebookresearch/ACT@abc9fbb7).
    """
    if model not in _RULES:
        raise StudyError(
            f"yield model: {model!r} is unknown; use one of {', '.join(get_args(YieldRule))}"
        )
    area = quantity("area_cm2", area_cm2)
    defects = np.asarray(area * quantity("defects_per_cm2", defects_per_cm2))
    good = np.asarray(_RULES[model](defects))
    if not (good > 0).all():
        raise StudyError(
            f"yield model {model}: {float(defects.max()):g} defects a die leave no good die;"
            " correct area_cm2 or defects_per_cm2"
        )
    return good
