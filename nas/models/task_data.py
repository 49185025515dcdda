"""The data that need no archive: scikit-learn's two sets, and the four files of Fashion-MNIST."""

from __future__ import annotations

import gzip
import hashlib
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.errors import TaskError

__all__ = [
    "Pairs",
    "Parts",
    "breast_cancer",
    "data_folder",
    "digits",
    "download_fashion_mnist",
    "fashion_mnist",
    "stratified_order",
]

# Inputs and targets of two parts: training and validation, or the test part and an empty one.
Pairs = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]
# Behind those of training and validation may stand the group of each sample of both.
Parts = Pairs | tuple[*Pairs, NDArray[Any], NDArray[Any]]


def data_folder(data_dir: str | Path | None = None) -> Path:
    """The folder of data: the given one, `$CARBON_NAS_DATA_DIR` or ~/.cache/carbon-nas."""
    given = data_dir or os.environ.get("CARBON_NAS_DATA_DIR")
    return Path(given) if given else Path.home() / ".cache" / "carbon-nas"


def stratified_order(y: NDArray[Any], seed: int) -> NDArray[np.intp]:
    """A permutation of which every leading slice has about the class shares of the whole.

    Args:
        y: Classes, (N,).
        seed: Of the order within a class.
    """
    shuffled = np.random.default_rng(seed).permutation(len(y))
    place = np.empty(len(y))
    for label in np.unique(y):
        members = shuffled[y[shuffled] == label]
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
    return shuffled[np.argsort(place[shuffled], kind="stable")]


def digits(test: bool, data_dir: str | Path | None = None) -> Parts:
    """Raw 8x8 images in 0..16: 1,077 to train, 360 to validate, 360 to test, stratified.

    Args:
        test: Give the test part instead of the other two.
        data_dir: Not used; the data are part of scikit-learn.
    """
    from sklearn.datasets import load_digits

    data: Any = load_digits()
    x = data.images.astype(np.uint8)[:, None]
    return _shares(x, data.target.astype(np.int64), 360, test)


def breast_cancer(test: bool, data_dir: str | Path | None = None) -> Parts:
    """30 numbers a tumour: 341 to train, 114 to validate, 114 to test, stratified.

    Args:
        test: Give the test part instead of the other two.
        data_dir: Not used; the data are part of scikit-learn.
    """
    from sklearn.datasets import load_breast_cancer

    data: Any = load_breast_cancer()
    return _shares(data.data.astype(np.float32), data.target.astype(np.int64), 114, test)


def fashion_mnist(test: bool, data_dir: str | Path | None = None) -> Parts:
    """Raw 28x28 images in 0..255: 55,000 to train, 5,000 to validate, 10,000 to test.

    Args:
        test: Give the test part instead of the other two.
        data_dir: Folder of the files; None searches `$CARBON_NAS_DATA_DIR`, then where the Debian
            package installs, then `data_folder`.

    Raises:
        TaskError: If the files are missing or damaged.
    """
    folder = _fashion_mnist_folder(data_dir)
    part = "t10k" if test else "train"
    images = _read_verified(folder / f"{part}-images-idx3{_SUFFIX}")
    labels = _read_verified(folder / f"{part}-labels-idx1{_SUFFIX}")
    x = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 1, 28, 28).copy()
    y = np.frombuffer(labels, np.uint8, offset=8).astype(np.int64)
    if test:
        return x, y, x[:0], y[:0]
    order = stratified_order(y, seed=0)
    first, second = order[5000:], order[:5000]
    return x[first], y[first], x[second], y[second]


def _shares(x: NDArray[Any], y: NDArray[Any], count: int, test: bool) -> Parts:
    order = stratified_order(y, seed=0)
    both = (order[:count], order[:0]) if test else (order[2 * count :], order[count : 2 * count])
    return x[both[0]], y[both[0]], x[both[1]], y[both[1]]


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
    folder = data_folder(data_dir)
    places = [folder / "fashion-mnist", folder]
    if data_dir is None:
        places.append(_DEBIAN_FOLDER)
    for place in places:
        if all((place / f"{name}{_SUFFIX}").is_file() for name in _FASHION_MNIST_SHA256):
            return place
    raise TaskError(
        f"fashion-mnist: its four files are not in {folder}; `carbon-nas task fetch "
        "fashion-mnist`, or `apt-get install dataset-fashion-mnist`, or give their folder as "
        "data_dir or $CARBON_NAS_DATA_DIR"
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
