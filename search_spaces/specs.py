"""What a shape alone does not say of the data: columns of a table, vocabulary of a text.

The form of the data is ``image`` (C, H, W), ``series`` (C, T), ``table`` (columns,), ``text``
(context,) or ``translation`` (source and target,). Ids and categories stand in the one input
array as whole numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

from nas.errors import SpaceError
from search_spaces.ops import Shape

__all__ = ["FORMS", "InputSpec", "TableSpec", "TextSpec", "TranslationSpec", "form_of"]

FORMS = {
    "image": "an image (C, H, W)",
    "series": "a series (C, T)",
    "table": "a table (columns,)",
    "text": "a text (context,)",
    "translation": "a pair of texts (source and target,)",
}


@dataclass(frozen=True, slots=True)
class TableSpec:
    """The columns of a table: first the numeric ones, then the categorical ones.

    Attributes:
        numeric: How many columns hold numbers, at least 0.
        cardinalities: How many categories each categorical column has, at least 1 each; a column
            holds whole numbers from 0 up to that, excluded.
    """

    numeric: int
    cardinalities: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        _whole("TableSpec: numeric", self.numeric, 0)
        for index, count in enumerate(self.cardinalities):
            _whole(f"TableSpec: cardinalities[{index}]", count, 1)
        if not self.columns:
            raise SpaceError("TableSpec: there are no columns, give numeric or categorical ones")

    @property
    def columns(self) -> int:
        """Columns of the input, numeric and categorical."""
        return self.numeric + len(self.cardinalities)

    @property
    def input_shape(self) -> Shape:
        """The shape of one row."""
        return (self.columns,)


@dataclass(frozen=True, slots=True)
class TextSpec:
    """A stretch of text as ids.

    Attributes:
        vocabulary: How many ids there are, from 0 up, at least 2.
        context: Ids of one sample, at least 1.
    """

    vocabulary: int
    context: int

    def __post_init__(self) -> None:
        _whole("TextSpec: vocabulary", self.vocabulary, 2)
        _whole("TextSpec: context", self.context, 1)

    @property
    def input_shape(self) -> Shape:
        """The shape of one sample."""
        return (self.context,)


@dataclass(frozen=True, slots=True)
class TranslationSpec:
    """Ids of a source, then ids of the target so far, in one vocabulary.

    Attributes:
        vocabulary: How many ids there are, from 0 up, at least 2.
        source: Ids of the source, at least 1.
        target: Ids of the target, at least 1.
    """

    vocabulary: int
    source: int
    target: int

    def __post_init__(self) -> None:
        _whole("TranslationSpec: vocabulary", self.vocabulary, 2)
        _whole("TranslationSpec: source", self.source, 1)
        _whole("TranslationSpec: target", self.target, 1)

    @property
    def input_shape(self) -> Shape:
        """The shape of one sample."""
        return (self.source + self.target,)


InputSpec = TableSpec | TextSpec | TranslationSpec


def form_of(input_shape: Shape, spec: InputSpec | None = None) -> str:
    """The form of the data, a key of `FORMS`.

    Args:
        input_shape: One sample without batch.
        spec: What the shape does not say; None for an image, a series, or a table of numbers.

    Raises:
        SpaceError: The shape is not that of the spec, or has neither one, two nor three axes.
    """
    if spec is not None:
        if input_shape != spec.input_shape:
            raise SpaceError(f"input shape {input_shape} is not {spec.input_shape} of {spec}")
        forms = {TableSpec: "table", TextSpec: "text", TranslationSpec: "translation"}
        return forms[type(spec)]
    by_axes = {3: "image", 2: "series", 1: "table"}
    if len(input_shape) not in by_axes:
        shapes = ", ".join(FORMS[name] for name in by_axes.values())
        raise SpaceError(f"input shape {input_shape} is of no known form, give {shapes}")
    return by_axes[len(input_shape)]


def _whole(what: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise SpaceError(f"{what}={value!r} is not a whole number of at least {least}")
