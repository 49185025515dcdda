"""A text file as a task: windows and their successors, in order; one line for bad ones."""

import numpy as np
import pytest

from nas.errors import TaskError
from nas.models.own_text import OTHER, text_task
from nas.models.sequences import CONTEXT
from nas.models.tasks import load_splits, load_test

TEXT = "".join(chr(97 + (i * i) % 23) for i in range(100 * CONTEXT + 1))


def test_every_window_is_in_one_part_and_in_order(tmp_path):
    path = tmp_path / "novel.txt"
    path.write_text(TEXT)
    task = text_task(path)
    splits, (test_x, test_y) = load_splits(task), load_test(task)
    assert (len(splits.train_x), len(splits.validation_x), len(test_x)) == (80, 10, 10)
    vocabulary = np.array(task.classes)
    assert (task.classes[-1], task.outputs) == (OTHER, len(set(TEXT)) + 1)
    shown = "".join(vocabulary[np.concatenate([splits.validation_x, test_x]).ravel()])
    assert shown == TEXT[80 * CONTEXT : 100 * CONTEXT]
    assert "".join(vocabulary[test_y[-1]]) == TEXT[99 * CONTEXT + 1 :]
    rows = {"".join(vocabulary[row]) for row in splits.train_x}
    assert rows == {TEXT[i * CONTEXT : (i + 1) * CONTEXT] for i in range(80)}


def test_what_was_not_seen_in_training_reads_as_other(tmp_path):
    path = tmp_path / "novel.txt"
    path.write_text(TEXT[:-3] + "ÜÜÜ")
    task = text_task(path)
    _, test_y = load_test(task)
    assert [task.classes[i] for i in test_y[-1][-3:]] == [OTHER] * 3


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "has 0 characters; give at least 3201"),
        (b"short", "has 5 characters"),
        (TEXT.encode() + b"\xff", "is no UTF-8 text"),
        (TEXT.encode() + b"\0", "holds zero bytes"),
        ("".join(chr(0x4E00 + i) for i in range(8000)).encode(), "needs an alphabet"),
    ],
)
def test_a_bad_text_is_one_line(tmp_path, content, said):
    (tmp_path / "novel.txt").write_bytes(content)
    with pytest.raises(TaskError, match=said):
        text_task(tmp_path / "novel.txt")
