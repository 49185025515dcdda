import itertools
from collections import Counter

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from nas.errors import SpaceError
from search_spaces.base import Choice, SearchSpace
from search_spaces.layers import GlobalAveragePool, Input, Layer, Linear


def _build(architecture, input_shape, outputs):
    return (
        Layer("image", Input(input_shape)),
        Layer("pool", GlobalAveragePool(), ("image",)),
        Layer("classes", Linear(input_shape[0], outputs), ("pool",)),
    )


def _space(*choices):
    return SearchSpace("toy", 1, "a toy", choices, _build)


TOY = _space(
    Choice("depth", (2, 3, 4)),
    Choice("block", ("ds", "mb")),
    Choice("expansion", (2.0, 6.0, 8.0), only_if=("block", ("mb",))),
    Choice("squeeze", (False, True), only_if=("expansion", (6.0, 8.0))),
)


@st.composite
def spaces(draw):
    choices = []
    for index in range(draw(st.integers(1, 5))):
        values = tuple(range(draw(st.integers(1, 3))))
        only_if = None
        if choices and draw(st.booleans()):
            parent = draw(st.sampled_from(choices))
            some = draw(st.lists(st.sampled_from(parent.values), min_size=1, unique=True))
            only_if = (parent.name, tuple(some))
        choices.append(Choice(f"c{index}", values, only_if))
    return _space(*choices)


def _all(space):
    """Every architecture, from all combinations of values."""
    names = [choice.name for choice in space.choices]
    combinations = itertools.product(*(choice.values for choice in space.choices))
    found = (space.validate(dict(zip(names, values, strict=True))) for values in combinations)
    return {tuple(sorted(architecture.items())) for architecture in found}


def test_the_size_of_a_conditional_space_by_hand():
    # 3 depths * (ds + mb with expansion 2 + 2 other expansions * 2 squeezes) = 3 * 6.
    assert TOY.size() == 18 == len(_all(TOY))


def test_a_list_is_no_value():
    with pytest.raises(SpaceError, match=r"choice 'depths' has the value \[1, 2\], give numbers"):
        _space(Choice("depths", ([1, 2], [2, 4])))


@given(spaces())
@settings(deadline=None)
def test_the_size_is_the_number_of_architectures(space):
    assert space.size() == len(_all(space))


def test_all_architectures_are_drawn_equally_often():
    rng = np.random.default_rng(0)
    counts = Counter(tuple(sorted(TOY.sample(rng).items())) for _ in range(9000))
    assert set(counts) == _all(TOY)
    # 500 of each are expected with a standard deviation of 21.7.
    assert all(abs(count - 500) < 5 * 21.7 for count in counts.values())


@given(spaces(), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_what_is_drawn_is_valid_and_repeats_with_its_seed(space, seed):
    architecture = space.sample(np.random.default_rng(seed))
    assert space.validate(architecture) == architecture
    assert space.sample(np.random.default_rng(seed)) == architecture


@given(spaces(), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_the_encoding_is_one_hot_and_tells_architectures_apart(space, seed):
    architecture = space.sample(np.random.default_rng(seed))
    code = space.encode(architecture)
    assert code.shape == (sum(len(choice.values) for choice in space.choices),)
    assert set(code) <= {0.0, 1.0}
    assert code.sum() == len(architecture)
    codes = {tuple(space.encode(dict(items))) for items in _all(space)}
    assert len(codes) == space.size()


@given(spaces(), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_neighbours_differ_in_one_choice_that_both_have(space, seed):
    architecture = space.sample(np.random.default_rng(seed))
    active = [choice for choice in space.choices if choice.name in architecture]
    neighbours = space.neighbours(architecture)
    assert len(neighbours) == sum(len(choice.values) - 1 for choice in active)
    for other in neighbours:
        assert space.validate(other) == other
        both = architecture.keys() & other.keys()
        assert sum(architecture[name] != other[name] for name in both) == 1


def test_a_choice_that_wakes_up_takes_its_first_value():
    here = {"depth": 2, "block": "mb", "expansion": 2.0}
    assert here | {"expansion": 6.0, "squeeze": False} in TOY.neighbours(here)
    assert {"depth": 2, "block": "ds"} in TOY.neighbours(here)


def test_only_active_choices_are_asked_for_and_in_order():
    asked = []

    def ask(name, values):
        asked.append(name)
        return values[0]

    assert TOY.choose(ask) == {"depth": 2, "block": "ds"}
    assert asked == ["depth", "block"]


def test_inactive_choices_are_dropped_and_values_spelt_as_the_space_does():
    given_values = {"expansion": 6, "block": "ds", "depth": np.int64(3), "squeeze": True}
    assert TOY.validate(given_values) == {"depth": 3, "block": "ds"}
    mb = TOY.validate({"depth": 3.0, "block": "mb", "expansion": 2})
    assert [type(value) for value in mb.values()] == [int, str, float]


@pytest.mark.parametrize(
    ("given_values", "says"),
    [
        ({"depth": 7, "block": "ds"}, "toy: depth=7 is not one of (2, 3, 4)"),
        ({"depth": "2", "block": "ds"}, "toy: depth='2' is not one of (2, 3, 4)"),
        ({"depth": [2], "block": "ds"}, "toy: depth=[2] is not one of (2, 3, 4)"),
        ({"block": "ds"}, "toy: depth is missing, choose one of (2, 3, 4)"),
        ({"depth": 2, "block": "mb"}, "toy: expansion is missing, choose one of"),
        ({"dept": 2, "block": "ds"}, "did you mean 'depth'?"),
        (
            {"depth": 2, "block": "mb", "expansion": 6.0, "squeeze": 1},
            "toy: squeeze=1 is not one of (False, True)",
        ),
    ],
)
def test_an_architecture_outside_the_space_is_refused(given_values, says):
    for method in (TOY.validate, TOY.encode, TOY.neighbours):
        with pytest.raises(SpaceError) as caught:
            method(given_values)
        assert says in str(caught.value)


@pytest.mark.parametrize(
    "choices",
    [
        (Choice("a", (1,)), Choice("a", (2,))),
        (Choice("a", ()),),
        (Choice("a", (1, 1)),),
        (Choice("a", (1,), only_if=("b", (1,))), Choice("b", (1,))),
        (Choice("a", (1,)), Choice("b", (1,), only_if=("a", (2,)))),
    ],
)
def test_a_faulty_space_is_refused(choices):
    with pytest.raises(SpaceError, match="toy: choice"):
        _space(*choices)


def test_layers_must_end_in_the_outputs():
    assert TOY.layers({"depth": 2, "block": "ds"}, (1, 8, 8), 10)[-1].op == Linear(1, 10)
    wrong = SearchSpace("toy", 1, "a toy", TOY.choices, lambda a, s, o: _build(a, s, o)[:2])
    with pytest.raises(SpaceError, match=r"its layers give \(1,\)"):
        wrong.layers({"depth": 2, "block": "ds"}, (1, 8, 8), 10)
