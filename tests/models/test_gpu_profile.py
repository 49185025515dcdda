"""The profile of a GPU; where there is none its path runs on the processor."""

import pytest
import torch

from hardware_profiles.catalog import profile_from_dict, profile_to_dict
from nas.errors import HardwareError
from nas.models.gpu_profile import gpu_device, measured_gpu
from nas.models.single_layers import CHAINS


def test_a_machine_without_a_gpu_says_so():
    if torch.cuda.is_available():
        assert gpu_device().type == "cuda"
        return
    with pytest.raises(HardwareError, match="finds no CUDA device here; measure on a machine"):
        gpu_device()


@pytest.mark.slow
def test_rates_are_measured_and_the_rest_is_of_its_kind():
    device = gpu_device() if torch.cuda.is_available() else torch.device("cpu")
    found = measured_gpu(device, 5, "card")
    profile, apart = found.profile, found.apart
    assert apart >= 0.0 and profile.kind == "gpu"
    for figure in (*profile.macs_per_s.values(), profile.memory_bytes_per_s):
        assert figure.basis == "measured" and "PyTorch" in figure.source
    assert set(profile.macs_per_s) == {"fp32", "fp16", "bf16"}
    assert profile.dispatch_s.basis == "measured" and "PyTorch" in profile.dispatch_s.source
    assert 0.0 < profile.dispatch_s.value < 1e-3
    assert len(found.layers) == len(CHAINS) // 2
    assert (profile.load_w is None) == (profile.tdp_w is None)
    assert profile_from_dict(profile_to_dict(profile)) == profile
