"""Keys are equal exactly where a search through all renamings finds the graphs to be equal."""

import itertools

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from search_spaces import space
from search_spaces.graph import graph_key, key_of_simplified, simplify
from search_spaces.graph_features import graph_features
from search_spaces.layers import Activation, Add, Conv2d, Input, Layer, Multiply, layer_shapes

OPS = (Conv2d(2, 2, 3), Conv2d(2, 2, 1), Activation("relu"), Activation("silu"), Add(), Multiply())


@st.composite
def networks(draw, most=5):
    """Any graph of a few layers that all keep the shape (2, 4, 4)."""
    layers = [Layer("image", Input((2, 4, 4)))]
    for index in range(draw(st.integers(1, most))):
        op = draw(st.sampled_from(OPS))
        count = 2 if isinstance(op, Multiply) else 1
        if isinstance(op, Add):
            count = draw(st.integers(1, 3))
        names = st.sampled_from([layer.name for layer in layers])
        inputs = tuple(draw(st.lists(names, min_size=count, max_size=count)))
        shared = isinstance(op, Conv2d) and draw(st.booleans())
        layers.append(Layer(f"layer{index}", op, inputs, f"shared{op.kernel}" if shared else None))
    return tuple(layers)


def _facts(layers, number):
    """All there is to know about a graph whose layers are numbered, as a set."""
    holders = [layer for layer in layers if layer.op.parameters()]
    facts = {("output", number[layers[-1].name])}
    for layer in layers:
        inputs = [number[name] for name in layer.inputs]
        if isinstance(layer.op, Add | Multiply):
            inputs.sort()
        facts.add((number[layer.name], layer.op, tuple(inputs)))
    for one, other in itertools.combinations(holders, 2):
        if one.weights_name == other.weights_name:
            facts.add(("shared", frozenset((number[one.name], number[other.name]))))
    return facts


def _isomorphic(one, other):
    if len(one) != len(other):
        return False
    target = _facts(other, {layer.name: index for index, layer in enumerate(other)})
    return any(
        _facts(one, {layer.name: index for layer, index in zip(one, order, strict=True)}) == target
        for order in itertools.permutations(range(len(one)))
    )


def _shuffled(layers, rng):
    """The same network under other names, in another order, with sums turned round."""
    names = dict(zip([layer.name for layer in layers], rng.permutation(len(layers)), strict=True))
    waiting, placed = list(layers), []
    while waiting:
        done = {layer.name for layer in placed}
        ready = [layer for layer in waiting if done.issuperset(layer.inputs)]
        # The output stays last.
        chosen = ready[int(rng.integers(len(ready)))]
        if chosen is layers[-1] and len(waiting) > 1:
            ready = [layer for layer in ready if layer is not chosen]
            chosen = ready[0]
        waiting.remove(chosen)
        placed.append(chosen)
    renamed = []
    for layer in placed:
        inputs = [f"n{names[name]}" for name in layer.inputs]
        if isinstance(layer.op, Add | Multiply):
            rng.shuffle(inputs)
        weights = None if layer.weights is None else f"w{layer.weights}"
        renamed.append(Layer(f"n{names[layer.name]}", layer.op, tuple(inputs), weights))
    return tuple(renamed)


@given(networks(), networks())
@settings(deadline=None, max_examples=200)
def test_keys_agree_exactly_where_graphs_do(one, other):
    assert (graph_key(one) == graph_key(other)) == _isomorphic(simplify(one), simplify(other))


@given(networks(most=12), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_names_and_order_do_not_change_the_key(layers, seed):
    live = simplify(layers)
    assert graph_key(_shuffled(live, np.random.default_rng(seed))) == graph_key(layers)


@given(networks(most=10))
@settings(deadline=None)
def test_simplifying_leaves_a_network_that_cannot_be_simplified(layers):
    simple = simplify(layers)
    shapes = layer_shapes(layers)
    assert simplify(layers, shapes) == simple == simplify(simple)
    assert graph_key(simple) == graph_key(layers) == key_of_simplified(simple)
    assert layer_shapes(simple) == {layer.name: shapes[layer.name] for layer in simple}
    assert graph_features(simple, shapes) == graph_features(simple)
    *_, before = shapes.values()
    *_, after = layer_shapes(simple).values()
    assert before == after


def test_dead_layers_and_identities_go():
    image = Layer("image", Input((2, 4, 4)))
    layers = (
        image,
        Layer("dead", Conv2d(2, 2, 3), ("image",)),
        Layer("conv", Conv2d(2, 2, 3), ("image",)),
        Layer("same", Add(), ("conv",)),
        Layer("relu", Activation("relu"), ("same",)),
        Layer("again", Activation("relu"), ("relu",)),
    )
    assert simplify(layers) == (
        image,
        layers[2],
        Layer("relu", Activation("relu"), ("conv",)),
    )


def test_one_layer_used_twice_is_not_two_layers():
    image = Layer("image", Input((2, 4, 4)))
    first = Layer("first", Conv2d(2, 2, 3), ("image",))
    second = Layer("second", Conv2d(2, 2, 3), ("image",))
    twice = (image, first, Layer("sum", Add(), ("first", "first")))
    two = (image, first, second, Layer("sum", Add(), ("first", "second")))
    shared = (
        image,
        Layer("first", first.op, ("image",), "both"),
        Layer("second", second.op, ("image",), "both"),
        two[-1],
    )
    assert len({graph_key(layers) for layers in (twice, two, shared)}) == 3


def test_two_equal_branches_may_be_swapped():
    def branches(one, other):
        layers = [Layer("image", Input((2, 4, 4)))]
        for name, kernels in (("a", one), ("b", other)):
            end = "image"
            for step, kernel in enumerate(kernels):
                layers.append(Layer(f"{name}{step}", Conv2d(2, 2, kernel), (end,)))
                end = f"{name}{step}"
        ends = tuple(f"{name}{len(k) - 1}" for name, k in (("a", one), ("b", other)))
        return (*layers, Layer("sum", Add(), ends))

    assert graph_key(branches([3, 1], [1, 3])) == graph_key(branches([1, 3], [3, 1]))
    assert graph_key(branches([3, 3], [1, 1])) != graph_key(branches([3, 1], [1, 3]))


def test_the_key_of_a_network_stays_what_it_is():
    # Records of old runs hold such keys: a change here orphans them.
    mbconv = space("mbconv")
    first = mbconv.choose(lambda name, values: values[0])
    assert graph_key(mbconv.layers(first, (1, 8, 8), 10)) == "cc7061ab50272e77"
