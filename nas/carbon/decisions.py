"""Which of two choices, and when: break-even, refresh, indifference, first-order ratio, rebound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas.carbon.quantity import Numbers, fitting, quantity
from nas.errors import StudyError

__all__ = [
    "Rebound",
    "best_refresh_years",
    "break_even",
    "combined_gain",
    "device_break_even_years",
    "focal_ncf",
    "focal_verdict",
    "indifference_point",
    "rebound",
    "saved_share",
    "search_share_gco2e",
]


@fitting
def break_even(
    fixed_new: ArrayLike, fixed_old: ArrayLike, per_unit_new: ArrayLike, per_unit_old: ArrayLike
) -> Numbers:
    """Units from which on a new choice has cost no more than the old one, whatever comes after.

    ``(fixed_new - fixed_old) / (per_unit_old - per_unit_new)``, and 0 where nothing has to be
    repaid. It holds only between choices that serve equally well.

    Args:
        fixed_new: Carbon spent once on the new choice (search, training, manufacture), >= 0.
        fixed_old: Likewise on the old one.
        per_unit_new: Carbon of a unit (an inference, a device, a year) of the new choice, >= 0.
        per_unit_old: Likewise of the old one; all four in one unit of carbon.

    Returns:
        Units, of the shape the arguments broadcast to; infinite where it never repays, also where
        it begins lower and is overtaken (`indifference_point` says when).

    Raises:
        StudyError: If an argument is not finite or negative.

    Source:
        Two lines, and the peer's figures in reverse (CATransformers, arXiv 2505.01386).
    """
    extra = quantity("fixed_new", fixed_new) - quantity("fixed_old", fixed_old)
    saved = quantity("per_unit_old", per_unit_old) - quantity("per_unit_new", per_unit_new)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        units = np.where(extra > 0.0, np.where(saved > 0.0, extra / saved, np.inf), 0.0)
    return np.where(saved < 0.0, np.inf, units)


@fitting
def device_break_even_years(
    embodied_new_gco2e: ArrayLike,
    use_old_gco2e_per_year: ArrayLike,
    use_new_gco2e_per_year: ArrayLike,
    *,
    avoided_gco2e: ArrayLike = 0.0,
) -> Numbers:
    """Years until a new device's lower use has repaid its manufacture.

    ``(E_new - avoided) / (use_old - use_new)``, the old device being there already.

    Args:
        embodied_new_gco2e: Manufacture of the new device, in g, >= 0.
        use_old_gco2e_per_year: Use of the old device for the same service, in g a year, >= 0.
        use_new_gco2e_per_year: Use of the new one, in g a year, >= 0.
        avoided_gco2e: Manufacture that the old device's second life avoids elsewhere, in g, >= 0.

    Returns:
        Years; infinite where it never repays.

    Raises:
        StudyError: If an argument is not finite or negative.

    Source:
        GreenChip, Kline et al. 2019 (break-even time of a replacement), formula as in public
        summaries of it.
    """
    return break_even(
        embodied_new_gco2e, avoided_gco2e, use_new_gco2e_per_year, use_old_gco2e_per_year
    )


@fitting
def indifference_point(
    made_0: ArrayLike, made_1: ArrayLike, rate_0: ArrayLike, rate_1: ArrayLike
) -> Numbers:
    """Time at which two new designs have the same total: ``(M1 - M0) / (P0 - P1)``.

    Args:
        made_0: Impact of making design 0, >= 0.
        made_1: Likewise of design 1, in the same unit.
        rate_0: Impact of using design 0 for a unit of time, >= 0, such as watts times g/kWh.
        rate_1: Likewise of design 1.

    Returns:
        In that unit of time: before it the design with the lower manufacture is better, after it
        the other; 0 where both are equal from the start, infinite where one is always better.

    Raises:
        StudyError: If an argument is not finite or negative.

    Source:
        GreenChip, Kline et al. 2019, formula as in public summaries of it.
    """
    made = quantity("made_1", made_1) - quantity("made_0", made_0)
    rate = quantity("rate_0", rate_0) - quantity("rate_1", rate_1)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        time = made / rate
    crossing = np.where((rate != 0.0) & (time >= 0.0), time, np.inf)
    return np.where((made == 0.0) & (rate == 0.0), 0.0, crossing)


@fitting
def best_refresh_years(
    embodied_gco2e: ArrayLike, use_gco2e_per_year: ArrayLike, yearly_gain: ArrayLike
) -> Numbers:
    """Service life after which to replace a device, so that carbon a year is least, in years.

    ``sqrt(2 E / (r O))``: each year that a device stays, the best new one would use ``r O`` less.
    The gain is linear and every new device embodies the same.

    Args:
        embodied_gco2e: Manufacture E of a device, in g, >= 0.
        use_gco2e_per_year: Its use O in the first year, in g, >= 0.
        yearly_gain: Share r of O by which new hardware improves each year, >= 0.

    Returns:
        Years; infinite where new hardware gains nothing.

    Raises:
        StudyError: If an argument is not finite or negative.

    Source:
        Derived: over a horizon H with n devices the total is
        ``n E + O H - r O H^2 / 2 * (1 - 1 / n)``, least at ``H / n = sqrt(2 E / (r O))``.
    """
    gained = quantity("use_gco2e_per_year", use_gco2e_per_year) * quantity(
        "yearly_gain", yearly_gain
    )
    made = quantity("embodied_gco2e", embodied_gco2e)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(gained > 0.0, np.sqrt(2.0 * made / gained), np.inf)


@fitting
def focal_ncf(area_ratio: ArrayLike, use_ratio: ArrayLike, embodied_weight: ArrayLike) -> Numbers:
    """FOCAL's normalised carbon footprint of a design beside another.

    ``a * area ratio + (1 - a) * use ratio``: below 1 the design is the better one.

    Args:
        area_ratio: Chip area over that of the other design, >= 0; stands for manufacture.
        use_ratio: At fixed time power over power, at fixed work energy over energy, >= 0.
        embodied_weight: Weight a of manufacture, in [0, 1].

    Raises:
        StudyError: If an argument is not finite or out of range.

    Source:
        FOCAL, Eeckhout, ASPLOS 2024, doi 10.1145/3620665.3640415, as in public notes on it.
    """
    weight = quantity("embodied_weight", embodied_weight, most=1.0)
    made = weight * quantity("area_ratio", area_ratio)
    return made + (1.0 - weight) * quantity("use_ratio", use_ratio)


@fitting
def focal_verdict(ncf_fixed_time: ArrayLike, ncf_fixed_work: ArrayLike) -> NDArray[np.str_]:
    """FOCAL's verdict on a design: ``strong``, ``weak`` or ``none``.

    Args:
        ncf_fixed_time: `focal_ncf` with the ratio of powers, >= 0.
        ncf_fixed_work: `focal_ncf` with the ratio of energies, >= 0.

    Returns:
        ``strong`` where both are below 1, ``weak`` where only one is, ``none`` otherwise.

    Raises:
        StudyError: If an argument is not finite or negative.

    Source:
        FOCAL, Eeckhout, ASPLOS 2024, as in public notes on it.
    """
    by_time = quantity("ncf_fixed_time", ncf_fixed_time) < 1.0
    by_work = quantity("ncf_fixed_work", ncf_fixed_work) < 1.0
    verdict: NDArray[np.str_] = np.where(
        by_time & by_work, "strong", np.where(by_time | by_work, "weak", "none")
    )
    return verdict


@dataclass(frozen=True, slots=True)
class Rebound:
    """A saving before and after demand has answered to it.

    Attributes:
        before_gco2e: Total of the old choice.
        expected_gco2e: Total of the new one at the old demand.
        after_gco2e: Total of the new one at the new demand.
        demand_factor: New demand over old.
        lost_share: Share of the expected saving that demand takes away; 1 or more is a backfire,
            NaN where nothing was saved.
        grows: Whether the total grows.
    """

    before_gco2e: Numbers
    expected_gco2e: Numbers
    after_gco2e: Numbers
    demand_factor: Numbers
    lost_share: Numbers
    grows: NDArray[np.bool_]


@fitting
def rebound(
    use_gco2e: ArrayLike,
    saving: ArrayLike,
    elasticity: ArrayLike,
    *,
    fixed_new_gco2e: ArrayLike = 0.0,
    fixed_old_gco2e: ArrayLike = 0.0,
) -> Rebound:
    """What is left of a saving once a cheaper use is used more.

    Demand answers by ``(1 - saving)^-elasticity``, so that the total becomes
    ``fixed + use * (1 - saving)^(1 - elasticity)``: above an elasticity of 1 the use grows.

    Args:
        use_gco2e: Carbon of the old choice that grows with use, in g, >= 0.
        saving: Share of it that a unit of use saves, below 1; negative where it costs more.
        elasticity: Percent by which demand grows when a unit's carbon falls by a percent, >= 0.
        fixed_new_gco2e: Carbon that the new choice costs once, in g, >= 0, such as its search.
        fixed_old_gco2e: Likewise of the old one.

    Returns:
        Totals before and after, of the shape the arguments broadcast to.

    Raises:
        StudyError: If an argument is not finite or out of range.

    Source:
        Demand of constant elasticity; rebound as the lost share of the expected saving: Sorrell
        and Dimitropoulos, Ecological Economics 65 (2008).
    """
    use = quantity("use_gco2e", use_gco2e)
    kept = 1.0 - quantity("saving", saving, least=-1e9, most=1.0)
    if (kept <= 0.0).any():
        raise StudyError("saving: got 1, so that use costs nothing; give a share below 1")
    fixed = quantity("fixed_new_gco2e", fixed_new_gco2e)
    factor = kept ** -quantity("elasticity", elasticity)
    before = use + quantity("fixed_old_gco2e", fixed_old_gco2e)
    expected = use * kept + fixed
    after = use * kept * factor + fixed
    hoped = before - expected
    with np.errstate(divide="ignore", invalid="ignore"):
        lost = np.where(hoped > 0.0, (after - expected) / hoped, np.nan)
    before, expected, after, factor, lost = np.broadcast_arrays(
        before, expected, after, factor, lost
    )
    return Rebound(before, expected, after, factor, lost, after > before * (1.0 + 1e-12))


@fitting
def search_share_gco2e(search_gco2e: ArrayLike, inferences: ArrayLike) -> Numbers:
    """A search's carbon for each of the models that it yielded, by the volume they serve.

    Args:
        search_gco2e: Of the whole search, in g, >= 0; a scalar.
        inferences: Volume of every model in use, >= 0, with a sum above 0; shape (models,).

    Returns:
        Grams, shape (models,); their sum is the search.

    Raises:
        StudyError: If an argument is not finite or out of range.

    Source:
        Allocation by use, as between the models that share a device.
    """
    volume = quantity("inferences", inferences)
    whole = quantity("sum of inferences", volume.sum(), above=True)
    return quantity("search_gco2e", search_gco2e) * volume / whole


def combined_gain(factors: ArrayLike) -> Numbers:
    """Total factor of gains that multiply, such as 2 and 3 to 6.

    Args:
        factors: Each what the old needs over what the new needs, > 0; along the last axis.

    Raises:
        StudyError: If a factor is not finite or not above 0.

    Source:
        Each gain applies to what the ones before it left.
    """
    product: Numbers = np.asarray(np.prod(quantity("factors", factors, above=True), axis=-1))
    return product


def saved_share(factor: ArrayLike) -> Numbers:
    """Share that a gain saves: ``1 - 1 / factor``; a factor of 10 saves 90 %.

    Args:
        factor: What the old needs over what the new needs, > 0.

    Raises:
        StudyError: If the factor is not finite or not above 0.

    Source:
        Definition.
    """
    return 1.0 - 1.0 / quantity("factor", factor, above=True)
