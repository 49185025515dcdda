"""Energy of each model, by counters laid out as the kernel's powercap and by NVML's functions."""

import ctypes
import itertools

import pytest

from nas.models.model_energy import card_counter, each_energy_j, nvml_library, processor_counter

MOST = 262_143_328_850


@pytest.fixture
def package(tmp_path):
    zone = tmp_path / "intel-rapl:0"
    zone.mkdir()
    (zone / "name").write_text("package-0\n")
    (zone / "max_energy_range_uj").write_text(f"{MOST}\n")
    (zone / "energy_uj").write_text(f"{MOST - 4_000_000}\n")
    return zone / "energy_uj"


def drawing(counter, joules):
    """A model of which each call moves the counter on, from its end to 0."""

    def run():
        counter.write_text(f"{(int(counter.read_text()) + round(1e6 * joules)) % (MOST + 1)}\n")

    return run


def test_each_model_takes_what_its_calls_counted(package):
    counter = processor_counter(package.parents[1])
    # A tick of the clock a call and one to begin with; the counter passes its end.
    works = [drawing(package, 0.5), drawing(package, 2.0)]
    found = each_energy_j(works, counter, span_s=10.0, clock=itertools.count().__next__)
    assert found == pytest.approx([0.5, 2.0])
    assert counter() == pytest.approx(0.5 + 9 * 0.5 + 2.0 + 9 * 2.0)


def test_without_a_counter_it_is_unknown(package, tmp_path):
    assert processor_counter(tmp_path / "missing") is None
    counter = processor_counter(package.parents[1])
    assert each_energy_j([package.unlink], counter, span_s=0.0) is None
    assert nvml_library("libno-such-thing.so.1") is None
    assert nvml_library("libc.so.6") is None
    assert card_counter(None, 0) is None


class Library:
    """NVML's two functions over a counter in millijoules; of card 1 alone."""

    def __init__(self, millijoules):
        self.millijoules, self.failed = iter(millijoules), 0

    def nvmlDeviceGetHandleByIndex_v2(self, index, card):  # noqa: N802  # NVML's name
        ctypes.cast(card, ctypes.POINTER(ctypes.c_void_p))[0] = 7
        return int(index.value != 1)

    def nvmlDeviceGetTotalEnergyConsumption(self, card, counted):  # noqa: N802  # NVML's name
        assert card.value == 7
        ctypes.cast(counted, ctypes.POINTER(ctypes.c_ulonglong))[0] = next(self.millijoules)
        return self.failed


def test_a_card_counts_millijoules_or_nothing():
    counter = card_counter(Library([5_000, 5_000, 17_000]), 1)
    works = each_energy_j([int], counter, span_s=4.0, clock=itertools.count().__next__)
    assert works == pytest.approx([12.0 / 3])
    assert card_counter(Library([5_000]), 0) is None
    old = Library([0, 0])
    old.failed = 3  # not supported, as before Volta
    assert card_counter(old, 1) is None
