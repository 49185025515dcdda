"""The tasks a search can be run on: their data, fixed splits and metric.

Images are kept as the raw integers of their source; `Splits.mean` and `Splits.std` are in the same
units, and every consumer (training, ONNX Runtime, an exported folder) computes `(x - mean) / std`.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.errors import TaskError, unknown_name

__all__ = [
    "Splits",
    "Task",
    "download_fashion_mnist",
    "load_splits",
    "load_test",
    "normalise",
    "task",
    "task_names",
]

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Task:
    """A data set with a metric; its `error` is what a search minimises.

    Attributes:
        name: The word users write.
        label: For titles.
        input_shape: Channels, height, width of one image.
        outputs: Number of classes.
        metric: What is reported; `error` is 1 - metric.
        error_label: For axes.
        worst_error: Error of a guess, recorded for candidates that are not trained.
        best_error: Lowest error any candidate is believed to reach (optimistic bound).
        classes: Names of the outputs, in order.
        source: Where the data come from.
        licence: Licence of the data.
    """

    name: str
    label: str
    input_shape: tuple[int, int, int]
    outputs: int
    metric: str
    error_label: str
    worst_error: float
    best_error: float
    classes: tuple[str, ...]
    source: str
    licence: str


@dataclass(frozen=True, slots=True, eq=False)
class Splits:
    """Training and validation data, the same on every machine.

    Attributes:
        train_x: Raw training images, uint8, (N, C, H, W).
        train_y: Training classes, int64, (N,).
        validation_x: Raw validation images, uint8, (M, C, H, W).
        validation_y: Validation classes, int64, (M,).
        mean: Mean of the training images, in raw units.
        std: Standard deviation of the training images, in raw units, > 0.
    """

    train_x: Images
    train_y: Labels
    validation_x: Images
    validation_y: Labels
    mean: float
    std: float


_TASKS = (
    Task(
        name="digits",
        label="Handwritten digits, 8x8",
        input_shape=(1, 8, 8),
        outputs=10,
        metric="accuracy",
        error_label="error (1 - accuracy)",
        worst_error=0.9,
        best_error=0.0,
        classes=tuple(str(digit) for digit in range(10)),
        source=(
            "scikit-learn `load_digits`: the test part of Optical Recognition of Handwritten "
            "Digits, Alpaydin and Kaynak 1998, UCI, doi:10.24432/C50P49"
        ),
        licence="CC BY 4.0",
    ),
    Task(
        name="fashion-mnist",
        label="Fashion-MNIST, 28x28",
        input_shape=(1, 28, 28),
        outputs=10,
        metric="accuracy",
        error_label="error (1 - accuracy)",
        worst_error=0.9,
        best_error=0.03,
        classes=(
            "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
            "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
        ),
        source="Xiao, Rasul and Vollgraf 2017, arXiv:1708.07747; Zalando SE",
        licence="MIT",
    ),
)  # fmt: skip
_BY_NAME = {row.name: row for row in _TASKS}


def task(name: str) -> Task:
    """The task of that name.

    Raises:
        TaskError: If the name is unknown; names the nearest known one.
    """
    if name not in _BY_NAME:
        raise TaskError(unknown_name("task", name, _BY_NAME, "carbon-nas task list"))
    return _BY_NAME[name]


def task_names() -> tuple[str, ...]:
    """Names of all tasks, the quickest first."""
    return tuple(_BY_NAME)


def load_splits(task: Task, *, data_dir: str | Path | None = None) -> Splits:
    """Training and validation data of a task; the test data stay closed.

    Splits are stratified by class and drawn with a fixed seed: digits 1,077 / 360 / 360 images,
    Fashion-MNIST 55,000 / 5,000 of its training file and 10,000 of its test file.

    Args:
        task: A task of `task`.
        data_dir: Folder of the data files; None searches `$CARBON_NAS_DATA_DIR`, then where the
            Debian package installs. Not used by digits, which are part of scikit-learn.

    Raises:
        TaskError: If the data are missing or damaged.
    """
    train_x, train_y, validation_x, validation_y = _LOADERS[task.name](False, data_dir)
    return Splits(
        train_x, train_y, validation_x, validation_y, float(train_x.mean()), float(train_x.std())
    )


def load_test(task: Task, *, data_dir: str | Path | None = None) -> tuple[Images, Labels]:
    """The test images (raw) and classes; to be opened once, when a model is exported.

    Args:
        task: A task of `task`.
        data_dir: As in `load_splits`.

    Raises:
        TaskError: If the data are missing or damaged.
    """
    x, y, _, _ = _LOADERS[task.name](True, data_dir)
    return x, y


def normalise(x: Images, splits: Splits) -> NDArray[np.float32]:
    """Raw images as a network takes them: `(x - mean) / std`, float32, same shape."""
    return ((x.astype(np.float32) - splits.mean) / splits.std).astype(np.float32)


def _stratified_order(y: Labels, seed: int) -> NDArray[np.intp]:
    """A permutation of which every leading slice has about the class shares of the whole."""
    shuffled = np.random.default_rng(seed).permutation(len(y))
    place = np.empty(len(y))
    for label in np.unique(y):
        members = shuffled[y[shuffled] == label]
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
    return shuffled[np.argsort(place[shuffled], kind="stable")]


def _digits(test: bool, data_dir: str | Path | None) -> tuple[Images, Labels, Images, Labels]:
    from sklearn.datasets import load_digits

    data: Any = load_digits()
    x = data.images.astype(np.uint8)[:, None]
    y = data.target.astype(np.int64)
    order = _stratified_order(y, seed=0)
    first, second = (order[:360], order[:0]) if test else (order[720:], order[360:720])
    return x[first], y[first], x[second], y[second]


def _fashion_mnist(
    test: bool, data_dir: str | Path | None
) -> tuple[Images, Labels, Images, Labels]:
    folder = _fashion_mnist_folder(data_dir)
    part = "t10k" if test else "train"
    images = _read_verified(folder / f"{part}-images-idx3{_SUFFIX}")
    labels = _read_verified(folder / f"{part}-labels-idx1{_SUFFIX}")
    x = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 1, 28, 28).copy()
    y = np.frombuffer(labels, np.uint8, offset=8).astype(np.int64)
    if test:
        return x, y, x[:0], y[:0]
    order = _stratified_order(y, seed=0)
    first, second = order[5000:], order[:5000]
    return x[first], y[first], x[second], y[second]


_LOADERS: dict[str, Callable[[bool, str | Path | None], tuple[Images, Labels, Images, Labels]]] = {
    "digits": _digits,
    "fashion-mnist": _fashion_mnist,
}

# SHA-256 of the unpacked files: Debian packs them anew, so the packed ones differ.
_FASHION_MNIST_SHA256 = {
    "train-images-idx3": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
_SUFFIX = "-ubyte.gz"
_FASHION_MNIST_URL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"
_DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")


def _fashion_mnist_folder(data_dir: str | Path | None) -> Path:
    given = data_dir or os.environ.get("CARBON_NAS_DATA_DIR")
    places = [Path(given) / "fashion-mnist", Path(given)] if given else [_DEBIAN_FOLDER]
    for place in places:
        if all((place / f"{name}{_SUFFIX}").is_file() for name in _FASHION_MNIST_SHA256):
            return place
    where = given or _DEBIAN_FOLDER
    raise TaskError(
        f"fashion-mnist: its four files are not in {where}; `apt-get install "
        "dataset-fashion-mnist`, or give their folder as data_dir or $CARBON_NAS_DATA_DIR, or "
        'fetch them: python -c "from nas.models.tasks import download_fashion_mnist as f; '
        "f('data')\""
    )


def _read_verified(path: Path) -> bytes:
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError) as error:
        raise TaskError(f"fashion-mnist: {path}: {error}; fetch the file again") from error
    found = hashlib.sha256(content).hexdigest()
    published = _FASHION_MNIST_SHA256[path.name.removesuffix(_SUFFIX)]
    if found != published:
        raise TaskError(
            f"fashion-mnist: {path}: SHA-256 of the content is {found[:12]}..., not "
            f"{published[:12]}...; fetch the file again"
        )
    return content


def download_fashion_mnist(dest: str | Path, *, base_url: str = _FASHION_MNIST_URL) -> Path:
    """Fetch the four files into `dest`/fashion-mnist and check each one's SHA-256.

    Files that are there and intact are kept.

    Args:
        dest: Folder to hand on as `data_dir`; made if missing.
        base_url: Where the four files lie; the default is the address of the authors' README.

    Returns:
        The folder that holds the files.

    Raises:
        TaskError: If a file cannot be fetched or is not the published one.
    """
    folder = Path(dest) / "fashion-mnist"
    folder.mkdir(parents=True, exist_ok=True)
    for name in _FASHION_MNIST_SHA256:
        path = folder / f"{name}{_SUFFIX}"
        if not path.is_file():
            partial = path.with_suffix(".partial")
            try:
                urllib.request.urlretrieve(f"{base_url}/{path.name}", partial)
            except (urllib.error.URLError, OSError) as error:
                raise TaskError(
                    f"fashion-mnist: {base_url}/{path.name}: {error}; try again or "
                    "`apt-get install dataset-fashion-mnist`"
                ) from error
            partial.replace(path)
        _read_verified(path)
    return folder
