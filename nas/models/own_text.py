"""A text file as a task without code: the next character."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nas.errors import TaskError
from nas.models.metrics import ERROR_LABELS, METRICS_OF, guess_error
from nas.models.sequences import CONTEXT, spaced, text_parts
from nas.models.task_data import Parts
from nas.models.tasks import Splits, Task
from search_spaces.specs import TextSpec

__all__ = ["OTHER", "text_task"]

OTHER = "\ufffd"
"""What every character that is not in the vocabulary reads as."""

_MOST_CHARACTERS = 255
_MOST_OTHERS = 0.02
_LEAST_WINDOWS = 50
_HELD_OUT = 0.1


def text_task(path: Path) -> Task:
    """The task of giving the next character of a UTF-8 text, by the characters before it.

    The first 80 % of the text train, the next 10 % validate (at most 2,000 windows, evenly spaced),
    the last 10 % test. The vocabulary is that of the training part, 255 characters at most, and
    `OTHER`.

    Args:
        path: The file.

    Raises:
        TaskError: It cannot be read, is too short, or holds more characters than a vocabulary.
    """
    text = _text(path)
    windows = (len(text) - 1) // CONTEXT
    held_out = round(_HELD_OUT * windows)
    if windows < _LEAST_WINDOWS:
        raise TaskError(
            f"{path}: has {len(text)} characters; give at least {_LEAST_WINDOWS * CONTEXT + 1}"
        )
    first = windows - 2 * held_out
    known = Counter(text[: first * CONTEXT]).most_common(_MOST_CHARACTERS)
    vocabulary = (*sorted(character for character, _ in known if character != OTHER), OTHER)
    ids = _ids(path, text, vocabulary)
    starts = CONTEXT * np.arange(windows)
    rows = ids[starts[:, None] + np.arange(CONTEXT + 1)]
    train, validation, test = np.split(rows, [first, first + held_out])
    validation = spaced(validation)
    train = train[np.random.default_rng(0).permutation(len(train))]
    split, opened = text_parts(train, validation), text_parts(test, test[:0])

    def parts(asked_test: bool, _data_dir: str | Path | None) -> Parts:
        return opened if asked_test else split

    metric = METRICS_OF["language"][0]
    task = Task(
        name=path.stem,
        label=f"{path.stem}, the next character",
        input_shape=(CONTEXT,),
        outputs=len(vocabulary),
        metric=metric,
        error_label=ERROR_LABELS[metric],
        worst_error=0.0,
        best_error=1.0,
        classes=vocabulary,
        source="the user's own file",
        licence="not stated",
        kind="language",
        unit="per character",
        spec=TextSpec(vocabulary=len(vocabulary), context=CONTEXT),
        splits=f"{len(train):,} / {len(validation):,} / {len(test):,} windows of {CONTEXT}, in "
        "order",
        parts=parts,
    )
    return dataclasses.replace(task, worst_error=guess_error(task, Splits(*split, 0.0, 1.0)))


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise TaskError(f"{path}: is no UTF-8 text ({error.reason}); save it as UTF-8") from None
    except OSError as error:
        raise TaskError(f"{path}: {error.strerror}; give a text that can be read") from None
    if "\0" in text:
        raise TaskError(f"{path}: holds zero bytes, so it is no text; give a text")
    return text


def _ids(path: Path, text: str, vocabulary: tuple[str, ...]) -> NDArray[np.uint8]:
    place = {character: index for index, character in enumerate(vocabulary)}
    other = place[OTHER]
    ids = np.array([place.get(character, other) for character in text], np.uint8)
    share = float(np.mean(ids == other))
    if share > _MOST_OTHERS:
        raise TaskError(
            f"{path}: {share:.0%} of its characters are none of the {_MOST_CHARACTERS} most "
            "frequent; a character task needs an alphabet"
        )
    return ids
