import pytest

from nas.errors import LayerError, SpaceError
from search_spaces.base import Choice, SearchSpace
from search_spaces.layers import Input, Layer, Linear
from search_spaces.specs import TableSpec, TextSpec, TranslationSpec, form_of


def _build(architecture, input_shape, outputs, spec):
    return (
        Layer("columns", Input(input_shape)),
        Layer("values", Linear(spec.columns, outputs), ("columns",)),
    )


TABLES = SearchSpace("tables", 1, "a toy", (Choice("a", (1,)),), _build, accepts=("table",))


@pytest.mark.parametrize(
    ("shape", "spec", "form"),
    [
        ((3, 8, 8), None, "image"),
        ((12, 29), None, "series"),
        ((30,), None, "table"),
        ((5,), TableSpec(3, (4, 9)), "table"),
        ((64,), TextSpec(65, 64), "text"),
        ((60,), TranslationSpec(32768, 30, 30), "translation"),
    ],
)
def test_the_form_follows_from_spec_and_axes(shape, spec, form):
    assert form_of(shape, spec) == form


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: TableSpec(0), "there are no columns"),
        (lambda: TableSpec(-1, (3,)), "numeric=-1 is not a whole number of at least 0"),
        (lambda: TableSpec(1, (3, 0)), r"cardinalities\[1\]=0"),
        (lambda: TextSpec(1, 64), "vocabulary=1"),
        (lambda: TextSpec(65, 64.0), "context=64.0"),
        (lambda: TranslationSpec(65, 0, 3), "source=0"),
        (lambda: form_of((4,), TableSpec(3)), r"input shape \(4,\) is not \(3,\) of TableSpec"),
        (lambda: form_of((1, 2, 3, 4)), "no known form"),
    ],
)
def test_what_makes_no_sense_is_refused(make, says):
    with pytest.raises(SpaceError, match=says):
        make()


def test_a_build_for_tables_is_given_the_columns():
    assert TABLES.layers({"a": 1}, (3,), 2)[-1].op == Linear(3, 2)
    assert TABLES.layers({"a": 1}, (3,), 2, TableSpec(1, (5, 6)))[-1].op == Linear(3, 2)


def test_a_space_and_data_that_do_not_fit_are_one_clear_error():
    with pytest.raises(LayerError, match=r"tables: input shape \(1, 8, 8\) is not a table"):
        TABLES.layers({"a": 1}, (1, 8, 8), 2)
    with pytest.raises(LayerError, match=r"tables: input shape \(64,\) \(text\) is not a table"):
        TABLES.layers({"a": 1}, (64,), 2, TextSpec(65, 64))
    with pytest.raises(SpaceError, match=r"tables: input shape \(4,\) is not \(3,\) of TableSpec"):
        TABLES.layers({"a": 1}, (4,), 2, TableSpec(3))


def test_a_space_must_accept_known_forms():
    for accepts in ((), ("picture",)):
        with pytest.raises(SpaceError, match="accepts"):
            SearchSpace("x", 1, "a toy", (), _build, accepts)
