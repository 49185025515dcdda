"""Modules of one's own that are estimated: any precision, or one line of what is not followed."""

import pytest
import torch
from torch import nn

from nas.errors import LayerError
from nas.models.factory import exported_layers, factory_layers
from nas.models.trace import traced_layers
from search_spaces.layers import mac_count, parameter_count

FILE = """
import torch
from torch import nn
from torch.nn.utils import parametrizations, weight_norm

class Calls(nn.Module):
    def __init__(self, function, inner=None):
        super().__init__()
        self.inner, self.function = inner or nn.Linear(12, 12), function

    def forward(self, x):
        return self.function(self, x)

class Kept(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("w", torch.ones(12, 5))

    def forward(self, x):
        return x @ self.w

X = torch.zeros(2, 12)

def half(): return nn.Linear(12, 5).half(), X.half()
def bfloat16(): return nn.Linear(12, 5).bfloat16(), X.bfloat16()
def double(): return nn.Linear(12, 5).double(), X.double()
def told(): return Calls(lambda own, x: {"logits": own.inner(x)}), X
def first(): return Calls(lambda own, x: own.inner(x[:1])), X
def pairs(): return Calls(lambda own, x: own.inner(x.reshape(-1, 24)), nn.Linear(24, 3)), X
def either():
    return Calls(lambda own, x: torch.cond(x.sum() > 0, own.inner, own.inner, (x,))), X
def normed(): return parametrizations.weight_norm(nn.Linear(12, 5)), X
def hooked(): return weight_norm(nn.Linear(12, 5)), X
def kept(): return Kept(), X
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "nets.py"
    path.write_text(FILE)
    return path


@pytest.mark.parametrize(("name", "notes"), [("half", 0), ("bfloat16", 0), ("double", 0),
                                             ("normed", 1), ("hooked", 1)])  # fmt: skip
def test_any_precision_and_computed_weights_are_counted(name, notes, file):
    layers, said = factory_layers(file, name)
    assert (mac_count(layers), parameter_count(layers), len(said)) == (60, 65, notes), said


def test_the_one_tensor_of_a_mapping_is_the_output(file):
    layers, said = factory_layers(file, "told")
    assert (mac_count(layers), said) == (144, ())


@pytest.mark.parametrize("name", ["first", "pairs", "either"])
def test_what_cannot_be_followed_is_one_line(name, file):
    try:
        _, notes = factory_layers(file, name)
    except LayerError as error:
        notes = (str(error),)
    assert notes
    assert all("\n" not in note and "; " in note for note in notes)


def test_numbers_in_buffers_are_said(file):
    _, notes = factory_layers(file, "kept")
    assert "buffers of 240 bytes are not counted as parameters: w" in notes


def test_programs_of_other_precisions_are_counted(tmp_path):
    free = ({0: torch.export.Dim("batch")},)
    net = nn.Linear(12, 5).double()
    program = torch.export.export(net, (torch.zeros(2, 12).double(),), dynamic_shapes=free)
    torch.export.save(program, tmp_path / "net.pt2")
    layers, _ = exported_layers(tmp_path / "net.pt2")
    assert mac_count(layers) == 60


@pytest.mark.parametrize("norm", [nn.BatchNorm1d(8, eps=100), nn.LayerNorm(8, eps=100)])
def test_networks_that_would_be_trained_as_others_are_refused(norm):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(12, 8), norm, nn.GELU("tanh"), nn.Dropout(0.1), nn.Linear(8, 3))
    with pytest.raises(LayerError, match="epsilon 100 is built with 1e-05"):
        traced_layers(net, (12,))


@pytest.mark.parametrize("norm", [nn.BatchNorm1d(8, eps=1e-3), nn.LayerNorm(8, eps=1e-6)])
def test_networks_that_are_near_enough_are_trained(norm):
    net = nn.Sequential(nn.Linear(12, 8), norm, nn.GELU("tanh"), nn.Linear(8, 3))
    assert traced_layers(net, (12,))
