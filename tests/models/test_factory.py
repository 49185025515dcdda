"""Exported programs are read as data: what they hold is counted, never run."""

import io
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from torch import nn

from nas.errors import LayerError
from nas.models.factory import exported_layers


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "net.pt2"
    batch = torch.export.Dim("batch")
    net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    torch.export.save(
        torch.export.export(net, (torch.zeros(2, 4),), dynamic_shapes=({0: batch},)), path
    )
    return path


def rewritten(path, *, replace=None, add=()):
    """The archive with some members replaced, by the end of their name, and others added."""
    changed = path.with_name("changed.pt2")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(changed, "w") as new:
        root = old.namelist()[0].partition("/")[0]
        for name in old.namelist():
            content = old.read(name)
            if replace is not None and name.endswith(replace[0]):
                content = replace[1]
            new.writestr(name, content)
        for name, content in add:
            new.writestr(f"{root}/{name}", content)
    return changed


def test_a_program_is_counted(program):
    layers, _ = exported_layers(program)
    assert sum(layer.op.parameters() for layer in layers) == 4 * 3 + 3 + 3 * 2 + 2


def test_a_pickle_within_is_not_run(program, tmp_path):
    left = tmp_path / "left"
    trap = io.BytesIO()
    torch.save({"net": Trap(left)}, trap)
    pickle.loads(pickle.dumps(Trap(tmp_path / "sprung")))
    assert (tmp_path / "sprung").exists()  # the trap works
    with zipfile.ZipFile(program) as archive:
        examples = [n for n in archive.namelist() if "sample_inputs" in n and n.endswith(".pt")]
    assert examples
    with pytest.raises(LayerError, match="cannot be read"):
        exported_layers(rewritten(program, replace=(examples[0], trap.getvalue())))
    assert not left.exists()


def test_compiled_code_is_refused(program):
    kernels = [("data/aotinductor/model/kernel.so", b"\x7fELF")]
    with pytest.raises(LayerError, match="compiled code"):
        exported_layers(rewritten(program, add=kernels))
