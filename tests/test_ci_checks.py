"""What CI checks besides tests: a skip that nobody allowed, a demonstration that lacks a part."""

import subprocess
import sys
from pathlib import Path

import pytest

CI = Path(__file__).parents[1] / ".ci"


def check(name, *arguments):
    words = [sys.executable, str(CI / name), *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


@pytest.fixture
def log_of_skips(tmp_path):
    """What pytest prints for a file with a test that is skipped for the given reason."""

    def run(reason):
        test = tmp_path / "test_some.py"
        test.write_text(f"import pytest\ndef test_it():\n    pytest.skip({reason!r})\n")
        words = [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", str(test)]
        done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=tmp_path)
        log = tmp_path / "log.txt"
        log.write_text(done.stdout)
        return log

    return run


def test_an_allowed_skip_passes(log_of_skips):
    log = log_of_skips("fashion-mnist: its four files are not in /data; install them")
    done = check("check_skips.py", CI / "allowed_skips.txt", log)
    assert done.returncode == 0, done.stdout
    assert "allowed: test_some.py:3: fashion-mnist" in done.stdout


def test_another_skip_fails(log_of_skips):
    log = log_of_skips("could not import 'torch': no module of that name")
    done = check("check_skips.py", CI / "allowed_skips.txt", log)
    assert done.returncode == 1
    assert "NOT ALLOWED: test_some.py:3: could not import 'torch'" in done.stdout


def test_an_empty_demonstration_fails(tmp_path):
    done = check("check_demo.py", tmp_path)
    assert done.returncode == 1
    assert "BROKEN: files" in done.stdout
    assert "report.html" in done.stdout
