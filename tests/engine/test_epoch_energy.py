"""Energy of the epochs of a training, where a card counts it."""

import pytest

from nas.engine.worker import Epochs


def counter(*values):
    """What a card has used so far, call by call; an exception where it cannot be read."""
    left = iter(values)

    def used_j():
        value = next(left)
        if isinstance(value, Exception):
            raise value
        return value

    return used_j


def test_an_epoch_has_what_the_card_used_since_the_last():
    epochs = Epochs(None, counter(100.0, 130.0, 170.5))
    for number in range(2):
        epochs.ended(number, None)
    assert epochs.energy() == {
        "meter": None,
        "measured_epoch_j": None,
        "card_epoch_j": [pytest.approx(30.0), pytest.approx(40.5)],
    }


def test_what_cannot_be_read_is_unknown_and_not_charged_to_the_next():
    epochs = Epochs(None, counter(100.0, OSError("gone"), 170.0, 180.0))
    for number in range(3):
        epochs.ended(number, None)
    assert epochs.energy()["card_epoch_j"] == [None, None, 10.0]


def test_without_a_card_nothing_is_said_of_one():
    assert "card_epoch_j" not in Epochs(None).energy()
