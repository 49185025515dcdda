"""What decides on a device, and what each metric picks."""

import numpy as np
import pandas as pd
import pytest

from nas.deciding import agreement_text, energy_warnings, more_carbon, near_the_best, winners

ROWS = pd.DataFrame(
    [
        # At equal error: the frugal model is slow, and its device's manufacture goes with time.
        ("frugal", "pi", 0.10, 0.010, 1e-3, 9e-6),
        ("fast", "pi", 0.10, 0.002, 2e-3, 4e-6),
        ("frugal", "mcu", 0.10, 0.100, 1e-4, 2e-6),
        ("fast", "mcu", 0.10, 0.050, 2e-4, 3e-6),
        # Cheaper in both, but its error is out of reach.
        ("poor", "pi", 0.50, 0.001, 1e-6, 1e-8),
    ],
    columns=["candidate", "deployment", "error", "latency_s", "energy_j", "carbon_gco2e"],
)


def test_each_metric_picks_its_least_and_says_what_it_costs():
    found = winners(near_the_best(ROWS), ("energy", "latency", "carbon", "tcdp"))
    picked = {(row.where, row.objective): (row.candidate, row.deployment) for row in found}
    assert picked == {
        ("pi", "energy"): ("frugal", "pi"),
        ("pi", "latency"): ("fast", "pi"),
        ("pi", "carbon"): ("fast", "pi"),
        ("mcu", "energy"): ("frugal", "mcu"),
        ("mcu", "latency"): ("fast", "mcu"),
        ("mcu", "carbon"): ("frugal", "mcu"),
        (None, "energy"): ("frugal", "mcu"),
        (None, "latency"): ("fast", "pi"),
        (None, "carbon"): ("frugal", "mcu"),
    }
    assert found[0].times_least_carbon == pytest.approx(9 / 4)
    assert found[2].times_least_carbon == 1.0


def test_among_equals_the_least_carbon_wins():
    rows = ROWS.assign(energy_j=1.0)
    energy = winners(rows, ("energy",), together=False)
    assert [row.times_least_carbon for row in energy] == [1.0, 1.0]
    assert energy_warnings(rows) == ()


def test_the_energy_winner_that_is_not_the_carbon_winner_is_told():
    assert energy_warnings(ROWS) == (
        "warning: on pi least energy (frugal) is not least carbon (fast), among models within 0.02 "
        "of the least error: it emits 2.25 times as much (9 µgCO2e against 4 µgCO2e)",
    )


@pytest.mark.parametrize(
    ("grams", "said"),
    [
        (4.1e-6, "2.5 % more"),
        (4.001e-6, None),
        (4.6e-6, "15 % more"),
        (0.0, None),
        (40e-6, "10 times as much"),
    ],
)
def test_what_choosing_by_energy_emits_more(grams, said):
    lines = energy_warnings(ROWS.assign(carbon_gco2e=[grams, 4e-6, 2e-6, 3e-6, 1e-8]))
    on_pi = [line for line in lines if "on pi " in line]
    assert [said in line for line in on_pi] == ([True] if said else [])


def test_next_to_no_carbon_more_is_not_told_in_digits():
    rows = ROWS.assign(carbon_gco2e=[4.000001e-6, 4e-6, 2e-6, 3e-6, 1e-8])
    energy = winners(near_the_best(rows), ("energy",))
    assert [more_carbon(row) for row in energy] == ["< 0.1 % more", "", ""]


def test_unlike_devices_are_told_together():
    rows = ROWS.assign(carbon_gco2e=[2e-6, 4e-6, 9e-6, 10e-6, 1e-8])
    (line,) = energy_warnings(rows)
    assert line.startswith(
        "warning: over all deployments least energy (frugal on mcu) is not least carbon (frugal on "
        "pi), "
    )
    assert energy_warnings(rows, together=False) == ()


def test_what_is_unknown_does_not_win():
    rows = ROWS.assign(carbon_gco2e=np.nan)
    assert energy_warnings(rows) == ()
    assert energy_warnings(ROWS.iloc[:0]) == ()
    assert len(near_the_best(ROWS.assign(error=np.nan))) == len(ROWS)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "unknown"),
        (1.0, "1.00"),
        (1.0 - 1e-12, "1.00"),
        (0.998, "0.998"),
        (0.99996, "0.9999"),
        (0.5, "0.50"),
        (-1.0, "-1.00"),
    ],
)
def test_only_full_agreement_is_called_one(value, text):
    assert agreement_text(value) == text
