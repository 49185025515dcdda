"""Tasks of one's own: arrays of samples and targets, checked and divided."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from nas.errors import SpaceError, TaskError
from nas.models.metrics import ERROR_LABELS, METRICS_OF, guess_error
from nas.models.task_data import Parts, stratified_order
from nas.models.tasks import Kind, Metric, Part, Splits, Task
from search_spaces.specs import InputSpec, TableSpec, form_of

__all__ = ["Data", "is_missing", "own_task"]

_KINDS = ("classification", "binary", "regression")
_TEST_SHARE = _VALIDATION_SHARE = 0.2
_LEAST_OF_CLASS = 5
_LEAST_GROUPS = 5
_MOST_MOVED = 1e-3  # by rounding, of a standard deviation
_MISSING = frozenset(
    ("", "nan", "NaN", "NAN", "NaT", "NA", "<NA>", "N/A", "n/a", "#N/A", "null", "NULL")
)
_LABEL_KINDS = (str, bool, int, float, np.bool_, np.integer, np.floating)
_GROUP_SHARES = np.array([[4, 1, 1], [6, 2, 2], [8, 3, 3]])  # tenths: least, wanted, most
_EXACT = 2**24  # the whole numbers up to here are float32 numbers


@dataclass(frozen=True, eq=False)
class Data:
    """Samples and targets; a fifth each becomes validation and test data, if no parts are given.

    Attributes:
        x: (N, C, H, W) images, (N, C, T) series or (N, columns) tables; numbers.
        y: (N,): classes by name or number, or numbers to predict.
        kind: classification, binary or regression.
        spec: Columns of a table; None is numbers only.
        label: For titles.
        licence: Of the data.
        metric: accuracy or log-loss of a classification, these or AUC of a binary task, RMSE of a
            regression; None is accuracy, log-loss and RMSE.
        part: (N,): "train", "validation" or "test" of each sample, for data that must not be
            divided at random, such as those in order of time; None divides them.
        group: (N,): what samples share that their numbers do not tell, such as a day, a patient or
            a shop, by name or number; samples of one group are divided together, as near to
            60, 20 and 20 % as whole groups allow, and `recipe: {group_effects: true}` trains by
            it. With `part` a group may lie in several parts, as a shop does in rows in order of
            time. None is samples of their own.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    kind: Kind = "classification"
    spec: InputSpec | None = None
    label: str = ""
    licence: str = "not stated"
    metric: Metric | None = None
    part: NDArray[Any] | None = None
    group: NDArray[Any] | None = None


def is_missing(label: object) -> bool:
    """Whether a label is none, or a text that stands for none, as tables write it: NA, null, nan.

    The text "None" is a name, as that of "no finding".
    """
    return label is None or str(label).strip() in _MISSING


def own_task(name: str, data: Data) -> Task:
    """A task of checked data.

    Args:
        name: For people and records.
        data: Samples and targets.

    Raises:
        TaskError: Samples or labels are missing, masked, not finite, not told apart by float32,
            of one class, or too few; categories are not those of `spec`; the metric is not one of
            the kind; or groups are too few or too unequal to be divided.
    """
    metric = _metric(name, data)
    _check_masks(name, data)
    x, y, classes = _checked(name, data)
    spec = _spec(name, data, x)
    groups = None if data.group is None else _groups(name, y, data.group)
    if data.part is not None:
        order, counts = _given(name, y, classes, np.asarray(data.part))
    elif groups is not None:
        order, counts = _given(name, y, classes, _part_of_groups(name, groups))
    else:
        order, counts = _divided(name, y, classes)
    x, y = x[order], y[order]
    fit, opened = counts[0] + counts[1], len(y)
    split = (x[: counts[0]], y[: counts[0]], x[counts[0] : fit], y[counts[0] : fit])
    test = (x[fit:opened], y[fit:opened], x[:0], y[:0])

    def parts(asked_test: bool, _data_dir: str | Path | None) -> Parts:
        if asked_test or groups is None:
            return test if asked_test else split
        return (*split, groups[order[: counts[0]]], groups[order[counts[0] : fit]])

    made = "as given" if data.part is not None else "fixed seed"
    if groups is not None:
        made += f", {len(np.unique(groups)):,} groups"
    task = Task(
        name=name,
        label=data.label or name,
        input_shape=tuple(x.shape[1:]),
        outputs=len(classes) if data.kind == "classification" else 1,
        metric=metric,
        error_label=ERROR_LABELS[metric],
        worst_error=0.0,
        best_error=0.0,
        classes=classes,
        source="the user's own file",
        licence=data.licence,
        kind=data.kind,
        unit="nats" if metric == "log-loss" else "",
        spec=spec,
        splits=f"{counts[0]:,} / {counts[1]:,} / {counts[2]:,}, {made}",
        parts=parts,
    )
    return dataclasses.replace(task, worst_error=guess_error(task, Splits(*split, 0.0, 1.0)))


def _metric(name: str, data: Data) -> Metric:
    if data.kind not in _KINDS:
        raise TaskError(f"{name}: kind {data.kind!r} is not one of {_KINDS}")
    known = METRICS_OF[data.kind]
    if data.metric is not None and data.metric not in known:
        raise TaskError(
            f"{name}: metric {data.metric!r} is not for a {data.kind} task; give "
            f"{' or '.join(known)}"
        )
    return data.metric or known[0]


def _check_masks(name: str, data: Data) -> None:
    for field in dataclasses.fields(data):
        values = getattr(data, field.name)
        masked = int(np.sum(values.mask)) if isinstance(values, np.ma.MaskedArray) else 0
        if masked:
            raise TaskError(
                f"{name}: {field.name} has {masked} masked value(s); fill them or drop their "
                "samples"
            )


def _checked(name: str, data: Data) -> tuple[NDArray[Any], NDArray[Any], tuple[str, ...]]:
    try:
        x, y = np.asarray(data.x), np.asarray(data.y)
    except ValueError:
        raise TaskError(f"{name}: samples differ in size; make all of one size") from None
    if x.ndim not in (2, 3, 4) or x.dtype.kind not in "biuf" or 0 in x.shape:
        raise TaskError(
            f"{name}: x is {x.dtype} of shape {x.shape}; give numbers (N, C, H, W), (N, C, T) or "
            "(N, columns), samples all of one size"
        )
    if y.shape != (len(x),):
        raise TaskError(f"{name}: y has shape {y.shape} for {len(x)} samples; give one label each")
    if x.dtype != np.uint8:
        bad = ~np.isfinite(x.reshape(len(x), -1)).all(1)
        if bad.any():
            raise TaskError(
                f"{name}: {int(bad.sum())} of {len(x)} samples hold NaN or infinity, the first is "
                f"number {int(bad.argmax())}; fill or drop them"
            )
        for index in range(x.shape[1]):
            what = f"{'column' if x.ndim == 2 else 'channel'} {index} of x"
            _check_rounding(name, what, x[:, index])
        x = x.astype(np.float32)
    if x.min() == x.max():
        raise TaskError(f"{name}: all numbers of x are equal; there is nothing to learn from")
    missing = np.array([is_missing(value) for value in y.tolist()])
    if missing.any():
        first = int(missing.argmax())
        raise TaskError(
            f"{name}: {int(missing.sum())} of {len(y)} labels are missing, the first is number "
            f"{first} ({str(y[first])!r}); fill, rename or drop them"
        )
    _check_kinds(name, y)
    if data.kind == "regression":
        return x, _numbers(name, y), ()
    try:
        known, place = np.unique(y, return_inverse=True)
    except TypeError:
        raise TaskError(f"{name}: labels are of several kinds; make them all texts") from None
    if len(known) < 2 or (data.kind == "binary" and len(known) != 2):
        wanted = "exactly two" if data.kind == "binary" else "two or more"
        raise TaskError(f"{name}: the labels are of {len(known)} class(es); give {wanted}")
    return x, place.astype(np.int64), tuple(_class_name(value) for value in known.tolist())


def _check_kinds(name: str, y: NDArray[Any]) -> None:
    """Refuse labels that only look like names, such as dates, bytes and complex numbers."""
    kinds: list[Any] = [type(value) for value in y] if y.dtype == object else [y.dtype.type]
    wrong = [kind for kind in kinds if not issubclass(kind, _LABEL_KINDS)]
    if wrong or y.dtype.kind == "m":
        found = wrong[0].__name__ if wrong else y.dtype.name
        raise TaskError(f"{name}: y holds {found}; give numbers or texts, such as y.astype(str)")


def _check_rounding(name: str, what: str, numbers: NDArray[Any]) -> None:
    """Refuse numbers, all finite, that float32 does not hold or does not tell apart."""
    if numbers.dtype.kind == "b" or numbers.dtype == np.float32 or numbers.dtype.itemsize < 4:
        return
    with np.errstate(over="ignore"):  # told as infinity
        rounded = numbers.astype(np.float32)
    beyond = ~np.isfinite(rounded)
    if beyond.any():
        raise TaskError(
            f"{name}: {what} holds {numbers[beyond][0]:g}, beyond the 3.4e38 of float32; scale it"
        )
    noise = 16 * np.finfo(numbers.dtype).eps if numbers.dtype.kind == "f" else 0
    if numbers.max().item() - numbers.min().item() <= noise * np.abs(numbers).max():
        return  # a constant
    exact = numbers.astype(np.float64)
    moved, spread = np.abs(exact - rounded).max(), exact.std()
    if moved > _MOST_MOVED * spread:
        raise TaskError(
            f"{name}: rounding to float32 moves {what} by up to {moved:.3g}, and its standard "
            f"deviation is {spread:.3g}; subtract its mean, or scale it"
        )


def _class_name(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _numbers(name: str, y: NDArray[Any]) -> NDArray[np.float32]:
    if y.dtype.kind not in "biuf" or not np.isfinite(y).all():
        raise TaskError(f"{name}: y holds what is no finite number; a regression needs numbers")
    if np.ptp(y.astype(float)) == 0:
        raise TaskError(f"{name}: all targets are equal; there is nothing to predict")
    _check_rounding(name, "y", y)
    return y.astype(np.float32)


def _spec(name: str, data: Data, x: NDArray[Any]) -> InputSpec | None:
    spec = data.spec or (TableSpec(x.shape[1]) if x.ndim == 2 else None)
    try:
        form_of(tuple(x.shape[1:]), spec)
    except SpaceError as error:
        raise TaskError(f"{name}: {error}; let spec count the columns of x") from None
    if not isinstance(spec, TableSpec):
        return spec
    for index, count in enumerate(spec.cardinalities):
        column = x[:, spec.numeric + index]
        wrong = (column != np.round(column)) | (column < 0) | (column >= count)
        if count > _EXACT:
            raise TaskError(
                f"{name}: cardinalities[{index}] is {count}, above {_EXACT}; hash the categories "
                "to fewer"
            )
        if wrong.any():
            raise TaskError(
                f"{name}: column {spec.numeric + index} holds {column[wrong][0]:g}, sample "
                f"{int(wrong.argmax())}; its categories are whole numbers from 0 to {count - 1}"
            )
    return spec


def _divided(
    name: str, y: NDArray[Any], classes: tuple[str, ...]
) -> tuple[NDArray[np.intp], tuple[int, int, int]]:
    """The order of samples, and how many of them train, validate and test."""
    test, validation = (round(len(y) * share) for share in (_TEST_SHARE, _VALIDATION_SHARE))
    train = len(y) - test - validation
    if min(test, validation) < 1 or train < 2:
        raise TaskError(f"{name}: {len(y)} samples leave a split empty; give at least 5")
    if classes and (few := np.bincount(y).min()) < _LEAST_OF_CLASS:
        rarest = classes[int(np.bincount(y).argmin())]
        raise TaskError(
            f"{name}: class {rarest[:40]!r} has {few} sample(s), which do not fill three splits; "
            f"give at least {_LEAST_OF_CLASS} of each class"
        )
    order = stratified_order(y, seed=0) if classes else np.random.default_rng(0).permutation(len(y))
    opened, second, first = np.split(order, [test, test + validation])
    return np.concatenate([first, second, opened]), (train, validation, test)


def _groups(name: str, y: NDArray[Any], group: NDArray[Any]) -> NDArray[np.int32]:
    given = np.asarray(group)
    if given.shape != y.shape:
        raise TaskError(f"{name}: group has shape {given.shape}; give one for each sample")
    if given.dtype.kind == "f" and not np.isfinite(given).all():
        raise TaskError(f"{name}: group holds NaN or infinity; name the group of each sample")
    try:
        known, place = np.unique(given, return_inverse=True)
    except TypeError:
        raise TaskError(f"{name}: groups are of several kinds; make them all texts") from None
    if len(known) < _LEAST_GROUPS:
        raise TaskError(
            f"{name}: group names {len(known)} group(s), which do not fill three splits; give at "
            f"least {_LEAST_GROUPS}"
        )
    return place.astype(np.int32)


def _part_of_groups(name: str, groups: NDArray[np.int32]) -> NDArray[Any]:
    """Whole groups, each to the part that lacks most of its share and has room for it.

    Groups of more than a twentieth of the samples go first, by size, as they fit worst. Smaller
    ones follow in a fixed random order, so that no part gets the largest of them.
    """
    sizes, count = np.bincount(groups), len(groups)
    order = np.random.default_rng(0).permutation(len(sizes))
    order = order[np.argsort(-np.where(sizes > count / 20, sizes, 0)[order], kind="stable")]
    least, wanted, most = (count * share for share in _GROUP_SHARES)
    held, part = np.zeros(3, np.int64), np.zeros(len(sizes), np.intp)
    for group in order:
        room = 10 * (held + sizes[group]) <= most
        part[group] = np.argmax(np.where(room, wanted - 10 * held, -10 * count))
        held[part[group]] += sizes[group]
    if (10 * held < least).any() or (10 * held > most).any():
        raise TaskError(
            f"{name}: one group holds {sizes.max()} of {count} samples, and whole groups do not "
            "make parts of about 60, 20 and 20 %; give smaller groups, or the part of each sample"
        )
    return np.array(get_args(Part))[part][groups]


def _given(
    name: str, y: NDArray[Any], classes: tuple[str, ...], part: NDArray[Any]
) -> tuple[NDArray[np.intp], tuple[int, int, int]]:
    names = get_args(Part)
    if part.shape != y.shape or not np.isin(part, names).all():
        raise TaskError(f"{name}: part has shape {part.shape}; give one of {names} for each sample")
    places = [np.flatnonzero(part == one) for one in names]
    for one, members in zip(names, places, strict=True):
        if len(members) < (2 if one == "train" else 1):
            raise TaskError(f"{name}: part {one!r} is empty or of one sample; give it more")
        absent = set(range(len(classes))) - set(y[places[0]].tolist())
        if absent:
            raise TaskError(f"{name}: class {classes[min(absent)]!r} has no sample to train on")
        if len(classes) == 2 and len(set(y[members].tolist())) < 2:
            raise TaskError(f"{name}: part {one!r} has one class only; give it both")
    first = np.random.default_rng(0).permutation(places[0])
    train, validation, test = (len(members) for members in places)
    return np.concatenate([first, *places[1:]]), (train, validation, test)
