from __future__ import annotations

import pytest

from nas.errors import TaskError
from nas.models.tasks import load_test, task


@pytest.fixture(scope="session")
def fashion_mnist_dir() -> None:
    """None, which is the default `data_dir`; skips where the data are absent."""
    try:
        load_test(task("fashion-mnist"))
    except TaskError as error:
        pytest.skip(str(error))
