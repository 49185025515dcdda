"""Search spaces: named choices, some of them conditional, and the layers they stand for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.errors import LayerError, SpaceError, unknown_name
from search_spaces.layers import Layer, layer_shapes
from search_spaces.ops import Shape
from search_spaces.specs import FORMS, InputSpec, TableSpec, TextSpec, TranslationSpec, form_of

__all__ = ["Architecture", "Choice", "SearchSpace", "Value"]

Value = int | float | str | bool
Architecture = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Choice:
    """One decision of a search space.

    Attributes:
        name: Unique in the space.
        values: What may be chosen, all different.
        only_if: ``(other choice, its values)`` under which this one exists; None means always.
    """

    name: str
    values: tuple[Value, ...]
    only_if: tuple[str, tuple[Value, ...]] | None = None


@dataclass(frozen=True)
class SearchSpace:
    """A set of architectures, and how each becomes layers.

    Attributes:
        name: As given on the command line; the name of its module.
        version: Goes up when an architecture comes to mean other layers.
        label: One line for people.
        choices: A conditional choice stands after the one that it depends on.
        build: ``build(architecture, input_shape, outputs)`` returns the layers; for tables, texts
            and translations it is given the `InputSpec` as a fourth argument.
        accepts: The forms of data that it takes, of `search_spaces.specs.FORMS`.
    """

    name: str
    version: int
    label: str
    choices: tuple[Choice, ...]
    build: Callable[..., tuple[Layer, ...]]
    accepts: tuple[str, ...] = ("image",)

    def __post_init__(self) -> None:
        if not self.accepts or not set(self.accepts) <= set(FORMS):
            raise SpaceError(f"{self.name}: accepts {self.accepts}, give some of {tuple(FORMS)}")
        earlier: dict[str, Choice] = {}
        for choice in self.choices:
            where = f"{self.name}: choice {choice.name!r}"
            if choice.name in earlier:
                raise SpaceError(f"{where} is there twice, rename one")
            _check_kinds(where, choice.values)
            if not choice.values or len(set(choice.values)) < len(choice.values):
                raise SpaceError(f"{where} has values {choice.values}, give different ones")
            if choice.only_if is not None:
                parent, values = choice.only_if
                if parent not in earlier or not set(values) <= set(earlier[parent].values):
                    raise SpaceError(
                        f"{where} depends on {parent!r} being one of {values}, "
                        "name an earlier choice and its values"
                    )
            earlier[choice.name] = choice

    def choose(self, ask: Callable[[str, tuple[Value, ...]], Any]) -> Architecture:
        """Ask for every active choice in order; Optuna's ``trial.suggest_categorical`` fits.

        Args:
            ask: ``ask(name, values)`` returns one of the values.

        Returns:
            The active choices and their values.

        Raises:
            SpaceError: The answer is not one of the values.
        """
        architecture: Architecture = {}
        for choice in self.choices:
            if _active(choice, architecture):
                answer = ask(choice.name, choice.values)
                architecture[choice.name] = self._value(choice, answer)
        return architecture

    def sample(self, rng: np.random.Generator) -> Architecture:
        """Draw an architecture, all equally likely.

        A value is drawn in proportion to the number of architectures that it leaves open, so that
        a block with three expansions is three times as likely as one without.

        Args:
            rng: Source of chance; one number is drawn for every active choice.
        """
        weights = self._weights

        def draw(name: str, values: tuple[Value, ...]) -> Value:
            point = rng.random() * weights[name][-1]
            return values[int(np.searchsorted(weights[name], point, side="right"))]

        return self.choose(draw)

    def validate(self, given: Mapping[str, Any]) -> Architecture:
        """Check an architecture from outside, such as from a file.

        Args:
            given: Values by choice; choices that are inactive are dropped.

        Returns:
            The active choices in order, with the values as the space spells them.

        Raises:
            SpaceError: A name is unknown, a value is not offered, or an active choice is missing.
        """
        names = [choice.name for choice in self.choices]
        for name in given:
            if name not in names:
                command = f"carbon-nas space show {self.name}"
                raise SpaceError(unknown_name(f"{self.name}: choice", str(name), names, command))

        def look_up(name: str, values: tuple[Value, ...]) -> object:
            if name not in given:
                raise SpaceError(f"{self.name}: {name} is missing, choose one of {values}")
            return given[name]

        return self.choose(look_up)

    def size(self) -> int:
        """How many architectures there are, exactly."""
        return math.prod(self._count(c) for c in self.choices if c.only_if is None)

    def neighbours(self, architecture: Mapping[str, Any]) -> list[Architecture]:
        """All architectures that differ in one active choice.

        A choice that becomes active by the change takes its first value.

        Args:
            architecture: A point of the space.

        Raises:
            SpaceError: The architecture is not in the space.
        """
        here = self.validate(architecture)
        return [
            self._completed(here | {choice.name: value})
            for choice in self.choices
            if choice.name in here
            for value in choice.values
            if value != here[choice.name]
        ]

    def encode(self, architecture: Mapping[str, Any]) -> NDArray[np.float64]:
        """One-hot features for models of the error.

        Args:
            architecture: A point of the space.

        Returns:
            Shape ``(sum of the numbers of values,)``, choice by choice; an inactive choice is
            all zeros.

        Raises:
            SpaceError: The architecture is not in the space.
        """
        here = self.validate(architecture)
        return np.array(
            [
                float(choice.name in here and here[choice.name] == value)
                for choice in self.choices
                for value in choice.values
            ]
        )

    def layers(
        self,
        architecture: Mapping[str, Any],
        input_shape: Shape,
        outputs: int,
        spec: InputSpec | None = None,
    ) -> tuple[Layer, ...]:
        """The network that an architecture stands for.

        Args:
            architecture: A point of the space.
            input_shape: One sample without batch, such as ``(1, 28, 28)``.
            outputs: Length of the output vector, at least 1; for texts that of every position.
            spec: Columns of a table or vocabulary of a text; without it ``(columns,)`` is a table
                of numbers.

        Returns:
            Layers in topological order; the last gives ``(outputs,)``, or for texts
            ``(context, outputs)`` and for translations ``(target, outputs)``.

        Raises:
            SpaceError: The architecture is not in the space, or the spec not of that shape.
            LayerError: The space does not take that form of data or input shape, or its layers do
                not connect.
        """
        here = self.validate(architecture)
        form = self.form(input_shape, spec)
        more: tuple[InputSpec, ...] = () if spec is None else (spec,)
        if form == "table" and spec is None:
            more = (TableSpec(input_shape[0]),)
        layers = self.build(here, input_shape, outputs, *more)
        expected: Shape = (outputs,)
        if isinstance(spec, TextSpec):
            expected = (spec.context, outputs)
        elif isinstance(spec, TranslationSpec):
            expected = (spec.target, outputs)
        *_, last = layer_shapes(layers).values()
        if last != expected:
            raise SpaceError(f"{self.name}: its layers give {last}, build must give {expected}")
        return layers

    def form(self, input_shape: Shape, spec: InputSpec | None = None) -> str:
        """The form of the data, if the space takes it.

        Args:
            input_shape: One sample without batch.
            spec: Columns of a table or vocabulary of a text.

        Returns:
            One of `accepts`.

        Raises:
            SpaceError: The spec is not of that shape.
            LayerError: The space does not take that form.
        """
        try:
            form = form_of(input_shape, spec)
        except SpaceError as error:
            raise SpaceError(f"{self.name}: {error}") from None
        if form not in self.accepts:
            takes = " or ".join(FORMS[name] for name in self.accepts)
            what = "" if spec is None else f" ({form})"
            raise LayerError(
                f"{self.name}: input shape {input_shape}{what} is not {takes}; take a space that "
                "accepts it, `carbon-nas space list`"
            )
        return form

    @cached_property
    def _weights(self) -> dict[str, NDArray[np.float64]]:
        """For every choice the running sum of architectures below each of its values."""
        return {
            choice.name: np.cumsum([float(self._count_below(choice, v)) for v in choice.values])
            for choice in self.choices
        }

    def _count(self, choice: Choice) -> int:
        return sum(self._count_below(choice, value) for value in choice.values)

    def _count_below(self, choice: Choice, value: Value) -> int:
        return math.prod(
            self._count(child)
            for child in self.choices
            if child.only_if is not None
            and child.only_if[0] == choice.name
            and value in child.only_if[1]
        )

    def _completed(self, values: Mapping[str, Value]) -> Architecture:
        return self.choose(lambda name, offered: values.get(name, offered[0]))

    def _value(self, choice: Choice, given: object) -> Value:
        """The space's own spelling of a value: 2.0 for 2 passes, True for 1 does not."""
        is_truth = isinstance(given, bool | np.bool_)
        if isinstance(given, bool | int | float | str | np.generic):
            for value in choice.values:
                if value == given and isinstance(value, bool) == is_truth:
                    return value
        raise SpaceError(f"{self.name}: {choice.name}={given!r} is not one of {choice.values}")


def _check_kinds(where: str, values: tuple[Value, ...]) -> None:
    for value in values:
        if not isinstance(value, int | float | str):
            raise SpaceError(
                f"{where} has the value {value!r}, give numbers, texts, true or false; lay lists "
                "down in `build` and choose among their names"
            )


def _active(choice: Choice, architecture: Mapping[str, Value]) -> bool:
    if choice.only_if is None:
        return True
    parent, values = choice.only_if
    return parent in architecture and architecture[parent] in values
