"""What a launch measures is frozen, and chooses only what is clearly faster."""

import os

import pytest

from nas.engine.config import config_from_mapping
from nas.engine.measured_recipe import MEASURED, asked_for, chosen_value
from nas.engine.resolve import resolve
from nas.errors import ConfigError
from nas.models.recipe import default_recipe

PLAIN = default_recipe("digits")


def test_what_was_measured_is_frozen_with_what_it_chose(tiny):
    measured = dict.fromkeys(MEASURED, "measured")
    frozen = resolve(config_from_mapping(tiny(recipe={**measured, "batch_size": 16})))
    rates, recipe = frozen["samples_per_s"], {"layout": "channels_last", **frozen["recipe"]}
    assert set(rates) == {*MEASURED, "batch_size"}
    for name in MEASURED:
        assert str(recipe[name]) in rates[name]
        assert rates[name][str(recipe[name])] > 0
    assert set(rates["batch_size"]) == {"8", "16", "32"}
    assert recipe["batch_size"] == 16  # looked at, not chosen
    assert frozen["search"]["threads"] == recipe["threads"]


def test_nothing_is_measured_unasked(tiny):
    assert resolve(config_from_mapping(tiny()))["samples_per_s"] is None


def test_only_settings_of_the_machine_are_measured(tiny):
    with pytest.raises(ConfigError, match="batch_size='measured'"):
        resolve(config_from_mapping(tiny(recipe={"batch_size": "measured"})))


def test_the_usual_value_stays_unless_another_is_a_tenth_faster():
    rates = {"precision": {"fp32": 100.0, "bf16": 109.0}}
    assert chosen_value(rates, "precision", PLAIN, 1) == "fp32"
    rates["precision"]["bf16"] = 111.0
    assert chosen_value(rates, "precision", PLAIN, 1) == "bf16"


def test_threads_count_by_what_all_workers_reach(monkeypatch):
    """On four cores: two workers of two threads are 2 x 150, four of one 4 x 100."""
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    rates = {"threads": {"1": 100.0, "2": 150.0, "4": 180.0}}
    assert chosen_value(rates, "threads", PLAIN, workers=4) == 1
    assert chosen_value(rates, "threads", PLAIN, workers=2) == 2
    assert chosen_value(rates, "threads", PLAIN, workers=1) == 4


def test_asking_takes_the_setting_out_of_the_recipe():
    given = {"precision": "measured", "layout": "channels_first", "epochs": 2}
    assert asked_for(given) == (["precision"], {"layout": "channels_first", "epochs": 2})
