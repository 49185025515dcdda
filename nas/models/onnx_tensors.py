"""What the tensors of an ONNX graph are while it is read: views of layers, parameters, constants.

Moves of elements that a runtime does for nothing, or inside of attention, are followed and not
written; a transposition that is needed elsewhere is one layer.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

from nas.errors import LayerError
from nas.models.onnx_macs import macs_of
from nas.models.onnx_values import Held, Scores, View, name_of, one_line, sample
from search_spaces.layers import Layer, layer_shapes
from search_spaces.ops import (
    Activation,
    Embedding,
    Input,
    Linear,
    Op,
    Opaque,
    Reshape,
    Shape,
    Slice,
)
from search_spaces.ops import Transpose as Turn

__all__ = ["Reader"]

_SMALL = 65_536


class Reader:
    """Layers found so far, and what every tensor of the graph is.

    Attributes:
        layers: In topological order.
        notes: What is written otherwise than in the file, one line each.
        values: By tensor: `View`, `Held`, `Scores` or an array.
        uses: By tensor, how many nodes and outputs read it.
        guessed: Tensors whose shape the file does not tell.
    """

    def __init__(
        self, model: onnx.ModelProto, inputs: Mapping[str, Shape], folder: Path = Path()
    ) -> None:
        self.layers: list[Layer] = []
        self.notes: list[str] = []
        self.values: dict[str, Any] = {}
        self.guessed: set[str] = set()
        self.uses = Counter(name for node in model.graph.node for name in node.input)
        self.uses.update(output.name for output in model.graph.output)
        self._folder = folder
        self._absent: dict[str, str] = {}
        self._opsets = list(model.opset_import)
        self._shapes: dict[str, Shape] = {}
        self._placed: dict[tuple[View, Shape], str] = {}
        self._owners: dict[str, Layer] = {}
        self._types: dict[str, int] = {}
        for tensor in model.graph.initializer:
            self.keep(tensor.name, tensor)
        for sparse in model.graph.sparse_initializer:
            self.keep_sparse(sparse.values.name, sparse)
        for given in model.graph.input:
            if given.name in inputs:
                self._types[given.name] = given.type.tensor_type.elem_type
        self._begin(inputs)

    def keep(self, name: str, tensor: TensorProto) -> None:
        """Take a constant: small ones as arrays, others as parameters."""
        shape = tuple(tensor.dims)
        self._types[name] = tensor.data_type
        whole = tensor.data_type in (TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL)
        if math.prod(shape) <= 1 or (whole and math.prod(shape) <= _SMALL):
            numbers = self._numbers(name, tensor)
            self.values[name] = Held(name, shape) if numbers is None else numbers
        else:
            self.values[name] = Held(name, shape)

    def keep_sparse(self, name: str, tensor: onnx.SparseTensorProto) -> None:
        """Take a sparse constant as one with its zeros."""
        self._types[name] = tensor.values.data_type
        self.values[name] = Held(name, tuple(tensor.dims))
        self.notes.append(f"{name}: is sparse, and counted with its zeros")

    def check_numbers(self, node: onnx.NodeProto) -> None:
        """Refuse a node whose output's shape hangs on numbers in a file that is not there.

        Raises:
            LayerError: It does.
        """
        for name in node.input:
            value = self.values.get(name)
            if isinstance(value, Held) and value.owner in self._absent:
                raise LayerError(
                    f"{name_of(node)}: needs the numbers of {value.owner!r} in "
                    f"{self._absent[value.owner]}; put this file beside"
                )

    def _numbers(self, name: str, tensor: TensorProto) -> NDArray[Any] | None:
        """Of a tensor; None where they are in a file that is not there."""
        told = {item.key: item.value for item in tensor.external_data}
        beside = tensor.data_location == TensorProto.EXTERNAL
        if beside and not (self._folder / told.get("location", "")).is_file():
            self._absent[name] = told.get("location", "a file")
            return None
        try:
            return numpy_helper.to_array(tensor, str(self._folder))
        except Exception as error:  # of several kinds, and of C++
            raise LayerError(f"{name}: its numbers cannot be read ({one_line(error)}); mend the "
                             "file") from error  # fmt: skip

    def is_whole(self, name: str) -> bool:
        """Whether a tensor holds whole numbers, such as identifiers."""
        return self._types.get(name) not in (
            TensorProto.FLOAT,
            TensorProto.FLOAT16,
            TensorProto.BFLOAT16,
            TensorProto.DOUBLE,
            TensorProto.INT8,  # quantised numbers stand for others
            TensorProto.UINT8,
        )

    def shape_of(self, name: str) -> Shape:
        """Of a tensor."""
        return tuple(self.values[name].shape)

    def add(self, wanted: str, op: Op, inputs: Sequence[str], owner: str | None = None) -> str:
        """Append a layer and return its name; layers whose weights have one owner share them."""
        name = self._free_name(wanted)
        layer = Layer(name, op, tuple(inputs))
        if owner is not None:
            first = self._owners.setdefault(owner, layer)
            if first is not layer:
                if _table(first.op) == _table(op):
                    layer = replace(layer, weights=first.weights_name)
                else:
                    self.notes.append(f"{owner}: is read in two ways and counted twice")
        self._shapes[name] = op.output_shape(*(self._shapes[item] for item in inputs))
        self.layers.append(layer)
        return name

    def replace(self, name: str, op: Op) -> None:
        """Give a layer another operation of the same shape."""
        index = next(i for i, layer in enumerate(self.layers) if layer.name == name)
        self.layers[index] = replace(self.layers[index], op=op)

    def op_of(self, name: str) -> Op:
        """What a layer does."""
        return next(layer.op for layer in self.layers if layer.name == name)

    def source_of(self, name: str) -> str:
        """The first input of a layer."""
        return next(layer.inputs[0] for layer in self.layers if layer.name == name)

    def is_shared(self, name: str) -> bool:
        """Whether other layers have the weights of a layer."""
        return sum(layer.weights_name == name for layer in self.layers) > 1

    def size_of(self, layer: str) -> int:
        """Elements of a layer's output."""
        return math.prod(self._shapes[layer])

    def place(self, view: View, shape: Shape, *, inside: bool = False) -> str:
        """The name of a layer that gives a tensor in a shape without batch, made if need be.

        Args:
            view: The tensor.
            shape: Of as many elements.
            inside: Whether who reads it orders and scales the elements itself, as attention does.
        """
        if inside:
            view = replace(view, moved=False, scaled=False)
        key = (view, shape)
        if key not in self._placed:
            self._placed[key] = self._laid_out(view, shape)
        return self._placed[key]

    def part(self, view: View, start: int, shape: Shape) -> View:
        """Some elements of a tensor, read where they are."""
        flat = self.place(replace(view, moved=False, scaled=False), (math.prod(view.shape),))
        name = self.add(f"{view.layer}_part", Slice(start, start + math.prod(shape)), [flat])
        return View(name, shape, view.moved, view.scaled)

    def unknown(
        self, node: onnx.NodeProto, inputs: Sequence[Any], shape: Shape, *, inner: bool = False
    ) -> View:
        """A layer that says that nobody knows the operator; `inner` is of `Opaque`."""
        views = [self.materialised(item) for item in inputs if isinstance(item, View | Scores)]
        held = [
            item for item in inputs if isinstance(item, Held) and item.owner not in self._owners
        ]
        count = sum(math.prod(item.shape) for item in held)
        given = [self.place(view, sample(view.shape)) for view in views]
        told = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
        op = Opaque(told, sample(shape), count, macs_of(node, inputs, shape), inner)
        name = self.add(name_of(node), op, list(dict.fromkeys(given)) or [self.layers[0].name])
        self._owners |= {item.owner: self.layers[-1] for item in held}
        return View(name, shape)

    def materialised(self, value: View | Scores) -> View:
        """A tensor that is no longer to become attention."""
        if isinstance(value, View):
            return value
        given = [self.place(v, sample(v.shape), inside=True) for v in (value.queries, value.keys)]
        products = math.prod(value.shape) * value.queries.shape[-1]
        op = Opaque("MatMul of two tensors", sample(value.shape), 0, products)
        name = self.add("products", op, list(dict.fromkeys(given)))
        if value.weights:
            name = self.add("softmax", Activation("softmax"), [name])
        return View(name, value.shape)

    def output_shapes(self, node: onnx.NodeProto) -> list[Shape | None]:
        """Of the tensors that a node gives; None where ONNX cannot tell."""
        names = [name for name in dict.fromkeys(node.input) if name]
        known = {name: self.values[name] for name in names}
        arrays = {name: value for name, value in known.items() if isinstance(value, np.ndarray)}
        graph = helper.make_graph(
            [node],
            "node",
            [
                helper.make_tensor_value_info(name, self._types.get(name, 1), list(value.shape))
                for name, value in known.items()
                if name not in arrays
            ],
            [helper.make_empty_tensor_value_info(name) for name in node.output if name],
            [numpy_helper.from_array(value, name) for name, value in arrays.items()],
        )
        model = helper.make_model(graph, opset_imports=self._opsets)
        try:
            found = shape_inference.infer_shapes(model, data_prop=True)
        except Exception as error:  # of several kinds, from C++
            raise LayerError(f"{name_of(node)}: {one_line(error)}; mend the file") from error
        shapes: dict[str, Shape | None] = {}
        for value in (*found.graph.output, *found.graph.value_info):
            tensor = value.type.tensor_type
            dims = [axis.dim_value for axis in tensor.shape.dim if axis.HasField("dim_value")]
            complete = tensor.HasField("shape") and len(dims) == len(tensor.shape.dim)
            shapes[value.name] = tuple(dims) if complete else None
            self._types[value.name] = tensor.elem_type or TensorProto.FLOAT
        return [shapes.get(name) for name in node.output]

    def folded(self, node: onnx.NodeProto) -> list[NDArray[Any]] | None:
        """What a node of small constants gives."""
        arrays = {name: self.values[name] for name in node.input if name}
        if not all(isinstance(value, np.ndarray) for value in arrays.values()):
            return None
        if node.op_type in {"QuantizeLinear", "DequantizeLinear"}:  # of biases; evaluated in part
            return [arrays[node.input[0]].astype(np.float32)]
        made = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), None)
            for name, value in arrays.items()
        ]
        outputs = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
        graph = helper.make_graph([node], "node", made, outputs)
        model = helper.make_model(graph, opset_imports=self._opsets)
        try:
            return [np.asarray(item) for item in ReferenceEvaluator(model).run(None, arrays)]
        except Exception as error:  # whatever an operator of onnx's own raises
            raise LayerError(f"{name_of(node)}: {one_line(error)}; mend the file") from error

    def _begin(self, inputs: Mapping[str, Shape]) -> None:
        (first, *others) = inputs
        if not others:
            self._first("input", sample(inputs[first]))
            self.values[first] = View("input", inputs[first])
            return
        self._first("input", (sum(math.prod(shape) for shape in inputs.values()),))
        start = 0
        for name, shape in inputs.items():
            count = math.prod(shape)
            part = self.add(name, Slice(start, start + count), ["input"])
            self.values[name] = View(part, shape)
            start += count

    def _first(self, name: str, shape: Shape) -> None:
        self.layers.append(Layer(name, Input(shape)))
        self._shapes[name] = shape

    def _laid_out(self, view: View, shape: Shape) -> str:
        name, count = view.layer, math.prod(shape)
        if self.size_of(name) != count:
            return self.add(f"{name}_repeated", Opaque("Expand", shape), [name])
        if view.moved:
            rows = view.shape[-1] if count > view.shape[-1] else 1
            name = self._as(name, (rows, count // rows))
            name = self.add(f"{view.layer}_turned", Turn(), [name])
        name = self._as(name, shape)
        if view.scaled:
            name = self.add(f"{view.layer}_scaled", Activation("relu"), [name])
        return name

    def _as(self, name: str, shape: Shape) -> str:
        if self._shapes[name] == shape:
            return name
        return self.add(f"{name}_reshaped", Reshape(shape), [name])

    def _free_name(self, wanted: str) -> str:
        name = re.sub(r"\W+", "_", wanted).strip("_") or "layer"
        name = name if name[0].isalpha() else f"layer_{name}"
        free, number = name, 1
        while free in self._shapes:
            number += 1
            free = f"{name}_{number}"
        return free

    def end(self, value: Any) -> None:
        """Let a tensor be the output."""
        if isinstance(value, Scores):
            value = self.materialised(value)
        if isinstance(value, View) and self.layers[-1].name != value.layer:
            shape = self._shapes[value.layer]
            self.add("output", Reshape(shape), [value.layer])
        layer_shapes(self.layers)


def _table(op: Op) -> object:
    if isinstance(op, Embedding):
        return (op.rows, op.features)
    return (op.out_features, op.in_features) if isinstance(op, Linear) and not op.bias else op
