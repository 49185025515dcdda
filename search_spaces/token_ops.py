"""Operations on tokens, series of vectors, identifiers and vectors.

Tokens are ``(T, C)``, vectors ``(C,)``, identifiers ``(T,)``: whole numbers that arrive as floats,
which are exact below 2^24. See `search_spaces.ops`, where all operations are together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from nas.errors import LayerError
from search_spaces.op_checks import LATER, Free, Shape, arity, flag, positive

__all__ = [
    "Attention",
    "ClassToken",
    "Embedding",
    "Grams",
    "Interaction",
    "LayerNorm",
    "MemberMean",
    "Positions",
    "RMSNorm",
    "Recurrent",
    "TokenMean",
]

_CELL_GATES = {"lstm": 4, "gru": 3}


@dataclass(frozen=True, slots=True)
class LayerNorm(Free):
    """Normalisation of every token or vector to mean 0 and variance 1, with scale and offset.

    Source:
        Ba, Kiros and Hinton 2016, arXiv:1607.06450.
    """

    kind: ClassVar[str] = "layer_norm"
    features: int

    def __post_init__(self) -> None:
        positive("LayerNorm", features=self.features)

    def output_shape(self, *inputs: Shape) -> Shape:
        """``(T, features)`` or ``(features,)`` unchanged."""
        return _by_features("LayerNorm", self.features, inputs)

    def parameters(self) -> int:
        """Trainable parameters: scale and offset."""
        return 2 * self.features


@dataclass(frozen=True, slots=True)
class RMSNorm(Free):
    """Every token or vector over its root mean square, with a scale.

    Source:
        Zhang and Sennrich 2019, arXiv:1910.07467.
    """

    kind: ClassVar[str] = "rms_norm"
    features: int

    def __post_init__(self) -> None:
        positive("RMSNorm", features=self.features)

    def output_shape(self, *inputs: Shape) -> Shape:
        """``(T, features)`` or ``(features,)`` unchanged."""
        return _by_features("RMSNorm", self.features, inputs)

    def parameters(self) -> int:
        """Trainable parameters: scale."""
        return self.features


@dataclass(frozen=True, slots=True)
class Attention:
    """Scaled dot-product attention of queries over keys and values; projections are layers apart.

    Query head h reads key and value head ``h // (heads / kv_heads)`` (grouped queries).

    Attributes:
        heads: Of the queries.
        kv_heads: Of keys and values; divides ``heads``.
        head_features: Of one head.
        causal: Whether a token sees only itself and those before it.

    Source:
        Vaswani et al. 2017, arXiv:1706.03762; Ainslie et al. 2023, arXiv:2305.13245.
    """

    kind: ClassVar[str] = "attention"
    heads: int
    kv_heads: int
    head_features: int
    causal: bool = False

    def __post_init__(self) -> None:
        positive(
            "Attention",
            heads=self.heads,
            kv_heads=self.kv_heads,
            head_features=self.head_features,
        )
        flag("Attention", causal=self.causal)
        if self.heads % self.kv_heads:
            raise LayerError(
                f"Attention: kv_heads={self.kv_heads} does not divide heads={self.heads}, "
                "use a divisor"
            )

    def output_shape(self, *inputs: Shape) -> Shape:
        """Queries ``(T, heads * head_features)``, keys and values ``(S, kv_heads * ...)``."""
        queries, keys, values = arity("Attention", inputs, 3)
        wide, narrow = self.heads * self.head_features, self.kv_heads * self.head_features
        fits = len(queries) == len(keys) == 2 and (queries[1], keys[1]) == (wide, narrow)
        if not fits or values != keys:
            raise LayerError(
                f"Attention: got {inputs}, expects (T, {wide}) and twice (S, {narrow})"
            )
        if self.causal and queries[0] != keys[0]:
            raise LayerError(
                f"Attention: got {inputs}, a causal one expects as many keys as queries"
            )
        return queries

    def parameters(self) -> int:
        """Trainable parameters: none."""
        return 0

    def macs(self, *inputs: Shape) -> int:
        """Multiply-accumulates of one sample: scores and mix, what a causal one hides included."""
        self.output_shape(*inputs)
        return 2 * self.heads * inputs[0][0] * inputs[1][0] * self.head_features


@dataclass(frozen=True, slots=True)
class Embedding(Free):
    """A learned vector for every identifier, which is taken modulo ``rows`` (hashing)."""

    kind: ClassVar[str] = "embedding"
    rows: int
    features: int

    def __post_init__(self) -> None:
        positive("Embedding", rows=self.rows, features=self.features)

    def output_shape(self, *inputs: Shape) -> Shape:
        """``(T,)`` to ``(T, features)``."""
        (shape,) = arity("Embedding", inputs, 1)
        if len(shape) != 1:
            raise LayerError(f"Embedding: got {shape}, expects identifiers (T,)")
        return (*shape, self.features)

    def parameters(self) -> int:
        """Trainable parameters: the table."""
        return self.rows * self.features


@dataclass(frozen=True, slots=True)
class Grams(Free):
    """One identifier for every run of ``order`` identifiers, by which the run has its own vector.

    A run of a, b, c is ``((a * vocabulary + b) * vocabulary + c) mod rows``: its own number where
    ``rows`` is at least ``vocabulary ** order``, else a hash of it (Svenstrup et al. 2017,
    arXiv:1709.03933). Before the first identifier stand zeros. Its few
    sums of whole numbers are costed as nothing.

    Attributes:
        order: Length of the run, at least 2.
        vocabulary: Number of identifiers.
        rows: At most 2^24, so that the result is exact as a float.

    Source:
        Huang et al. 2025, arXiv:2501.16975 (n-gram input vocabularies of language models);
        Pagnoni et al. 2024, arXiv:2412.09871 (hashed n-grams of bytes).
    """

    kind: ClassVar[str] = "grams"
    order: int
    vocabulary: int
    rows: int

    def __post_init__(self) -> None:
        positive("Grams", order=self.order, vocabulary=self.vocabulary, rows=self.rows)
        if self.order < 2 or self.rows > 2**24:
            raise LayerError(
                f"Grams: order={self.order}, rows={self.rows}, use 2 or more and at most 2^24"
            )

    def output_shape(self, *inputs: Shape) -> Shape:
        """``(T,)`` unchanged."""
        (shape,) = arity("Grams", inputs, 1)
        if len(shape) != 1:
            raise LayerError(f"Grams: got {shape}, expects identifiers (T,)")
        return shape


@dataclass(frozen=True, slots=True)
class Positions(Free):
    """Adds a learned vector to every token by its place; ``length`` is the most tokens."""

    kind: ClassVar[str] = "positions"
    length: int
    features: int

    def __post_init__(self) -> None:
        positive("Positions", length=self.length, features=self.features)

    def output_shape(self, *inputs: Shape) -> Shape:
        """``(T, features)`` unchanged, T at most ``length``."""
        (shape,) = arity("Positions", inputs, 1)
        if len(shape) != 2 or shape[1] != self.features or shape[0] > self.length:
            raise LayerError(
                f"Positions: got {shape}, expects at most {self.length} tokens of {self.features}"
            )
        return shape

    def parameters(self) -> int:
        """Trainable parameters: the table."""
        return self.length * self.features


@dataclass(frozen=True, slots=True)
class ClassToken(Free):
    """Puts one learned token before the others."""

    kind: ClassVar[str] = "class_token"
    features: int

    def __post_init__(self) -> None:
        positive("ClassToken", features=self.features)

    def output_shape(self, *inputs: Shape) -> Shape:
        """``(T, features)`` to ``(T + 1, features)``."""
        (shape,) = arity("ClassToken", inputs, 1)
        if len(shape) != 2 or shape[1] != self.features:
            raise LayerError(f"ClassToken: got {shape}, expects (T, {self.features})")
        return (shape[0] + 1, self.features)

    def parameters(self) -> int:
        """Trainable parameters: the token."""
        return self.features


@dataclass(frozen=True, slots=True)
class TokenMean(Free):
    """Mean over all tokens."""

    kind: ClassVar[str] = "pool"

    def output_shape(self, *inputs: Shape) -> Shape:
        """``(T, C)`` to ``(C,)``."""
        (shape,) = arity("TokenMean", inputs, 1)
        if len(shape) != 2:
            raise LayerError(f"TokenMean: got {shape}, expects (T, C)")
        return shape[1:]


@dataclass(frozen=True, slots=True)
class MemberMean(Free):
    """Mean over what members answer, as the last layer; in training each of them learns alone.

    A loss of the mean would let one member lean on the errors of another, and the same rows in the
    same order would give them the same errors: each has batches of its own.

    Source:
        Lakshminarayanan, Pritzel and Blundell 2017, arXiv:1612.01474.
    """

    kind: ClassVar[str] = "pool"

    def output_shape(self, *inputs: Shape) -> Shape:
        """From one or more times ``(C,)`` to ``(C,)``."""
        if not inputs or len(set(inputs)) > 1 or len(inputs[0]) != 1:
            raise LayerError(f"MemberMean: got {inputs}, expects vectors of one size")
        return inputs[0]


@dataclass(frozen=True, slots=True)
class Interaction:
    """Dot products of all pairs of vectors: of n inputs, or of the n tokens of one input.

    In the order (0, 1), (0, 2), ..., (n - 2, n - 1).

    Source:
        Naumov et al. 2019, arXiv:1906.00091.
    """

    kind: ClassVar[str] = "interaction"

    def output_shape(self, *inputs: Shape) -> Shape:
        """From n times ``(d,)``, or ``(n, d)``, to ``(n * (n - 1) / 2,)``."""
        count, _ = self._sizes(inputs)
        return (count * (count - 1) // 2,)

    def parameters(self) -> int:
        """Trainable parameters: none."""
        return 0

    def macs(self, *inputs: Shape) -> int:
        """Multiply-accumulates of one sample: the whole product of n x d and d x n."""
        count, features = self._sizes(inputs)
        return count * count * features

    def _sizes(self, inputs: tuple[Shape, ...]) -> tuple[int, int]:
        if len(inputs) == 1 and len(inputs[0]) == 2 and inputs[0][0] > 1:
            return inputs[0][0], inputs[0][1]
        if len(inputs) > 1 and len(inputs[0]) == 1 and set(inputs) == {inputs[0]}:
            return len(inputs), inputs[0][0]
        raise LayerError(
            f"Interaction: got {inputs}, expects two or more equal (d,), or one (n, d)"
        )


@dataclass(frozen=True, slots=True)
class Recurrent:
    """Layers of LSTM or GRU cells that give every step's output.

    Attributes:
        cell: ``lstm`` or ``gru``, as torch defines them.
        in_features: Of one step of the input.
        hidden: Of one direction.
        layers: One upon the other.
        bidirectional: Whether each layer also runs from the end.
        bias: Whether its gates have biases.
    """

    kind: ClassVar[str] = "recurrent"
    cell: str
    in_features: int
    hidden: int
    layers: int = 1
    bidirectional: bool = False
    bias: bool = field(default=True, metadata=LATER)

    def __post_init__(self) -> None:
        if self.cell not in tuple(_CELL_GATES):
            raise LayerError(f"Recurrent: {self.cell!r} is not one of {tuple(_CELL_GATES)}")
        positive("Recurrent", in_features=self.in_features, hidden=self.hidden, layers=self.layers)
        flag("Recurrent", bidirectional=self.bidirectional, bias=self.bias)

    @property
    def directions(self) -> int:
        """1, or 2 where it is bidirectional."""
        return 1 + self.bidirectional

    def output_shape(self, *inputs: Shape) -> Shape:
        """``(T, in_features)`` to ``(T, hidden * directions)``."""
        (shape,) = arity("Recurrent", inputs, 1)
        if len(shape) != 2 or shape[1] != self.in_features:
            raise LayerError(f"Recurrent: got {shape}, expects (T, {self.in_features})")
        return (shape[0], self.hidden * self.directions)

    def parameters(self) -> int:
        """Trainable parameters: two matrices and, if any, two biases for each gate."""
        return self._products() + self.biases()

    def biases(self) -> int:
        """How many of them are biases."""
        if not self.bias:
            return 0
        return 2 * _CELL_GATES[self.cell] * self.hidden * self.directions * self.layers

    def macs(self, *inputs: Shape) -> int:
        """Multiply-accumulates of one sample: both matrices at every step."""
        steps, _ = self.output_shape(*inputs)
        return steps * self._products()

    def _products(self) -> int:
        inner = self.hidden * self.directions
        given = self.in_features + (self.layers - 1) * inner + self.layers * self.hidden
        return _CELL_GATES[self.cell] * self.hidden * self.directions * given


def _by_features(name: str, features: int, inputs: tuple[Shape, ...]) -> Shape:
    (shape,) = arity(name, inputs, 1)
    if len(shape) not in (1, 2) or shape[-1] != features:
        raise LayerError(f"{name}: got {shape}, expects (T, {features}) or ({features},)")
    return shape
