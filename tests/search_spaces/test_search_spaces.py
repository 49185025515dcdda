import numpy as np
import pytest

from nas.errors import LayerError, SpaceError
from search_spaces import layer_shapes, space, space_names
from search_spaces.graph import graph_key
from search_spaces.layers import layers_from_json, layers_to_json
from search_spaces.specs import TableSpec, TextSpec, TranslationSpec

# Of every form of data: one sample's shape, outputs, spec, and the shape that must come out.
DATA = {
    "image": ((1, 8, 8), 10, None, (10,)),
    "series": ((12, 29), 9, None, (9,)),
    "table": ((6,), 2, TableSpec(3, (5, 70, 900)), (2,)),
    "text": ((16,), 65, TextSpec(65, 16), (16, 65)),
    "translation": ((9,), 80, TranslationSpec(80, 5, 4), (4, 80)),
}


def pairs():
    return [(name, form) for name in space_names() for form in space(name).accepts]


def test_spaces_are_found_by_the_name_of_their_module():
    assert "mbconv" in space_names()
    assert "layers" not in space_names()
    for name in space_names():
        assert space(name).name == name


@pytest.mark.parametrize(("name", "form"), pairs())
def test_every_space_gives_networks_of_what_it_accepts(name, form):
    found = space(name)
    shape, outputs, spec, expected = DATA[form]
    for seed in range(5):
        architecture = found.sample(np.random.default_rng(seed))
        layers = found.layers(architecture, shape, outputs, spec)
        *_, last = layer_shapes(layers).values()
        assert last == expected
        assert layers_from_json(layers_to_json(layers)) == layers
        assert len(graph_key(layers)) == 16


@pytest.mark.parametrize("name", space_names())
def test_what_a_space_does_not_accept_is_one_clear_error(name):
    found = space(name)
    architecture = found.sample(np.random.default_rng(0))
    for form in DATA.keys() - set(found.accepts):
        shape, outputs, spec, _ = DATA[form]
        with pytest.raises(LayerError, match=rf"^{name}: input shape .* is not an? "):
            found.layers(architecture, shape, outputs, spec)


@pytest.mark.parametrize("name", space_names())
def test_every_space_is_large_and_every_value_of_a_choice_is_reached(name):
    found = space(name)
    assert found.size() >= 5_000
    rng = np.random.default_rng(0)
    drawn = [found.choose(lambda _, values: values[rng.integers(len(values))]) for _ in range(300)]
    seen = {(key, value) for architecture in drawn for key, value in architecture.items()}
    assert seen == {(c.name, v) for c in found.choices for v in c.values}


def test_an_unknown_space_names_the_nearest():
    with pytest.raises(SpaceError, match="'mbcnv' is unknown; did you mean 'mbconv'"):
        space("mbcnv")
