"""A folder of images, one subfolder a class, as a task without code."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import psutil
from numpy.typing import NDArray

from nas.errors import TaskError
from nas.models.own_tasks import Data
from nas.models.task_data import stratified_order
from nas.models.tasks import Part

__all__ = ["folder_sha256", "images_of_folder"]

_SUFFIXES = (
    ".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp",
)  # fmt: skip
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
_GREY = ("1", "L", "LA")
_WIDE = ("I", "F")  # and I;16 and the like
_PARTS = get_args(Part)
_HELD_OUT = 0.2
_COPIES = 2  # the images as read, and in the order of their parts


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    name: str
    part: str
    shape: tuple[int, int] = (0, 0)
    grey: bool = False


def images_of_folder(folder: Path) -> Data:
    """The images of a folder: ``CLASS/*.png``, or ``train/CLASS/*.png`` and so on.

    With a folder ``train`` of folders these are the classes, and ``validation`` and ``test`` hold
    the other parts; one that is absent is made of a fifth of ``train``. Images are grey if all
    are, else RGB, 8 bits a channel, turned upright as their files say. Names that begin with a
    point are left out. Links are followed.

    Args:
        folder: The folder.

    Raises:
        TaskError: It holds anything else in or beside its classes, no or damaged images, images of
            several sizes or with transparent pixels, or more than memory takes.
    """
    files = [_measured(file) for file in _files(folder)]
    height, width = _one_size(files)
    grey = all(file.grey for file in files)
    shape = (len(files), 1 if grey else 3, height, width)
    _check_memory(folder, shape)
    x = np.empty(shape, np.uint8)
    for index, file in enumerate(files):
        x[index] = _pixels(file, grey)
    y = np.array([file.name for file in files])
    part = np.array([file.part for file in files])
    return Data(x, y, label=folder.resolve().name, part=_parts(y, part) if part[0] else None)


def folder_sha256(folder: Path) -> str:
    """SHA-256 of the names and contents of all images of a folder.

    Raises:
        TaskError: As `images_of_folder`, but that nothing is decoded.
    """
    digest = hashlib.sha256()
    for file in _files(folder):
        with _readable(file.path), file.path.open("rb") as content:
            inside = hashlib.file_digest(content, "sha256").hexdigest()
        name = file.path.relative_to(folder).as_posix()
        digest.update(f"{len(name)} {name} {inside}\n".encode())
    return digest.hexdigest()


def _files(folder: Path) -> list[_File]:
    """All images, in order of part, class and name."""
    roots = {entry.name: entry for entry in _entries(folder) if entry.is_dir()}
    loose = [entry for entry in _entries(folder) if _suffix(entry) in _SUFFIXES]
    if loose:
        raise TaskError(f"{loose[0]}: lies in no class; put it into a folder of its class's name")
    parted = "train" in roots and any(entry.is_dir() for entry in _entries(roots["train"]))
    if not parted:  # "train" may be a class, of vehicles
        files = [file for root in roots.values() for file in _class_files(root, "")]
        return _some(folder, files)
    unknown = sorted(set(roots) - set(_PARTS))
    if unknown:
        raise TaskError(
            f"{folder / unknown[0]}: stands beside train; name the parts train, validation and test"
        )
    return [file for part in _PARTS if part in roots for file in _part_files(roots[part], part)]


def _part_files(root: Path, part: str) -> list[_File]:
    files = []
    for entry in _entries(root):
        if not entry.is_dir():
            raise TaskError(f"{entry}: lies in no class; put it into a folder of its class's name")
        files += _class_files(entry, part)
    return _some(root, files)


def _some(root: Path, files: list[_File]) -> list[_File]:
    if not files:
        raise TaskError(f"{root}: has no folder of images; make one for each class")
    return files


def _class_files(root: Path, part: str) -> list[_File]:
    files = []
    for entry in _entries(root):
        if not entry.is_file() or _suffix(entry) not in _SUFFIXES:
            fault = (
                "is a broken link" if entry.is_symlink() and not entry.exists() else "is no image"
            )
            raise TaskError(
                f"{entry}: {fault}; keep only images in {root.name}, with one of "
                f"{' '.join(_SUFFIXES)}"
            )
        files.append(_File(entry, root.name, part))
    if not files:
        raise TaskError(f"{root}: holds no image; put some there, or remove it")
    return files


def _entries(folder: Path) -> list[Path]:
    with _readable(folder):
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    return [folder / name for name in names]


def _suffix(path: Path) -> str:
    return path.suffix.lower()


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what Pillow and the system raise for a file into one line."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of metadata and sizes; what matters is raised
            yield
    except TaskError:
        raise
    except (OSError, SyntaxError, ValueError, EOFError, struct.error) as error:
        said = re.sub(r"\s+", " ", str(error).replace(str(path), "it"))[:160]
        raise TaskError(f"{path}: cannot be read ({said}); mend or remove it") from None
    except Image.DecompressionBombError as error:
        raise TaskError(f"{path}: {error}; give smaller images") from None


def _open(path: Path) -> Any:
    from PIL import Image

    Image.init()  # else some formats are not there
    return Image.open(path, formats=_FORMATS)


def _measured(file: _File) -> _File:
    with _readable(file.path), _open(file.path) as image:
        if image.mode.startswith(_WIDE):
            raise TaskError(
                f"{file.path}: has more than 8 bits a channel; save it with 8 bits a channel"
            )
        if image.format in ("GIF", "TIFF", "WEBP") and getattr(image, "n_frames", 1) > 1:
            raise TaskError(f"{file.path}: holds several images; save each in its own file")
        late = image.format == "PNG" and "exif" not in image.info  # would decode it to look
        turned = not late and image.getexif().get(0x0112, 1) >= 5  # by a quarter
        width, height = reversed(image.size) if turned else image.size
        return _File(file.path, file.name, file.part, (height, width), image.mode in _GREY)


def _one_size(files: list[_File]) -> tuple[int, int]:
    shape = files[0].shape
    for file in files:
        if file.shape != shape:
            raise TaskError(
                f"{file.path}: is {file.shape[1]}x{file.shape[0]} and {files[0].path.name} is "
                f"{shape[1]}x{shape[0]}; make a copy of the folder with all of one size, such as "
                "by PIL.ImageOps.fit(image, (64, 64))"
            )
    return shape


def _check_memory(folder: Path, shape: tuple[int, int, int, int]) -> None:
    needed, free = _COPIES * int(np.prod(shape, dtype=np.int64)), psutil.virtual_memory().available
    if needed > free:
        raise TaskError(
            f"{folder}: {shape[0]} images of {shape[3]}x{shape[2]} need {needed / 1e9:.1f} GB, and "
            f"{free / 1e9:.1f} GB are free; make them smaller or give fewer"
        )


def _pixels(file: _File, grey: bool) -> NDArray[np.uint8]:
    from PIL import ImageOps

    with _readable(file.path), _open(file.path) as opened:
        image = ImageOps.exif_transpose(opened)
        if image.has_transparency_data and np.asarray(image.convert("RGBA"))[..., 3].min() < 255:
            raise TaskError(f"{file.path}: has transparent pixels; lay it on a background")
        plain = np.asarray(image.convert("L" if grey else "RGB"))
    if plain.shape[:2] != file.shape:
        raise TaskError(f"{file.path}: says at its end that it is turned; save it upright")
    return plain[None] if grey else plain.transpose(2, 0, 1)


def _parts(y: NDArray[Any], part: NDArray[Any]) -> NDArray[Any]:
    """With the absent parts made of a fifth of the training part each."""
    train = np.flatnonzero(part == "train")
    order = train[stratified_order(y[train], seed=0)]
    part = part.astype("<U10")
    count = round(_HELD_OUT * len(train))
    for index, absent in enumerate(sorted(set(_PARTS) - set(part.tolist()))):
        part[order[index * count : (index + 1) * count]] = absent
    return part
