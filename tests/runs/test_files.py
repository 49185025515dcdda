"""Files of a run are whole or absent, also on a full disk; damaged ones are one clear line."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from nas.errors import RunError, StorageError
from nas.runs.files import read_json, write_json, write_text, write_whole


def limited(program, limit_bytes):
    """Run lines of Python in a process whose files cannot grow past a limit."""
    head = (
        "import resource\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit_bytes}, {limit_bytes}))\n"
    )
    return subprocess.run(
        [sys.executable, "-c", head + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
    )


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_whole(tmp_path):
    path = tmp_path / "deep" / "er" / "a.json"
    write_json(path, {"ü": [1, None, 0.5]})
    assert read_json(path) == {"ü": [1, None, 0.5]}
    write_text(path, "[]")
    assert read_json(path) == []
    assert names(path.parent) == ["a.json"]


@pytest.mark.parametrize("before", [None, "old"])
def test_a_full_disk_leaves_what_was(before, tmp_path):
    path = tmp_path / "a.json"
    if before is not None:
        path.write_text(before)
    done = limited(
        f"""
        from pathlib import Path
        from nas.errors import StorageError
        from nas.runs.files import write_text
        try:
            write_text(Path({str(path)!r}), "x" * 100_000)
        except StorageError as error:
            print(error)
        """,
        10_000,
    )
    assert done.stderr == ""
    assert done.stdout == (
        f"{path}: could not be written: File too large; "
        "free some space, then run the command again\n"
    )
    assert names(tmp_path) == (["a.json"] if before else [])
    assert before is None or path.read_text() == before


def test_a_full_device_leaves_what_was(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")

    def write(temporary):
        Path("/dev/full").write_text("x" * 100_000)
        temporary.write_text("new")

    with pytest.raises(StorageError, match="No space left on device"):
        write_whole(path, write)
    assert names(tmp_path) == ["a.json"]
    assert path.read_text() == "old"


def test_weights_on_a_full_disk_are_one_clear_line_too(tmp_path):
    path = tmp_path / "weights.safetensors"
    done = limited(
        f"""
        import torch
        from pathlib import Path
        from nas.errors import StorageError
        from nas.models.weights import save_weights
        from nas.runs.files import write_whole
        state = {{"a": torch.zeros(100_000)}}
        try:
            write_whole(Path({str(path)!r}), lambda temporary: save_weights(state, temporary))
        except StorageError as error:
            print(error)
        """,
        10_000,
    )
    assert done.stderr == ""
    assert done.stdout.startswith(f"{path}: could not be written: ")
    assert done.stdout.count("\n") == 1
    assert names(tmp_path) == []


def test_a_place_that_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="could not be written"):
        write_text(tmp_path / "file" / "a.json", "x")


def test_nothing_that_json_lacks_is_written(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"error": float("nan")})
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"a": 1', b"\x00\x00\x00", b"\xff\xfe", b'{"a": 1}{']
)
def test_a_damaged_file_is_one_line(content, tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(RunError) as caught:
        read_json(path)
    assert str(caught.value).startswith(f"{path}: is damaged (")
    assert "restore it, or delete it" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(RunError, match=r"a\.json: is missing"):
        read_json(tmp_path / "a.json")


def test_a_killed_writer_leaves_no_half_file(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")
    program = f"""
        import os, signal
        from pathlib import Path
        from nas.runs.files import write_whole
        def write(temporary):
            temporary.write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
        write_whole(Path({str(path)!r}), write)
        """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, check=False
    )
    assert done.returncode == -9
    assert path.read_text() == "old"
    assert [name for name in os.listdir(tmp_path) if not name.startswith(".")] == ["a.json"]
