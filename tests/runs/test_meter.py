"""A powercap folder as the kernel lays it out, read as a meter."""

import time
from pathlib import Path

import pytest

from nas.runs.meter import energy_meter


def zone(folder: Path, name: str, kind: str, energy_uj: int, range_uj: int = 999_999_999) -> Path:
    path = folder / name
    path.mkdir(parents=True, exist_ok=True)
    for file, value in (
        ("name", kind),
        ("energy_uj", energy_uj),
        ("max_energy_range_uj", range_uj),
    ):
        (path / file).write_text(f"{value}\n")
    return path


def stat(path: Path, busy_ticks: int) -> Path:
    path.write_text(f"cpu  {busy_ticks} 0 0 5000 10 0 0 0 0 0\ncpu0 1 1 1 1\n")
    return path


def test_no_folder_no_meter(tmp_path: Path) -> None:
    assert energy_meter(tmp_path / "powercap") is None


def test_zones_of_cores_alone_are_no_meter(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0:0", "core", 5)
    assert energy_meter(tmp_path) is None


def test_packages_and_memory_are_summed_and_a_counter_may_start_anew(tmp_path: Path) -> None:
    """9 J of one package (from 2 before its end to 7 after), 1 J of the other, 2 J of memory."""
    first = zone(tmp_path, "intel-rapl:0", "package-0", 98_000_000, 99_999_999)
    second = zone(tmp_path, "intel-rapl:1", "package-1", 0)
    memory = zone(tmp_path, "intel-rapl:0:2", "dram", 0)
    core = zone(tmp_path, "intel-rapl:0:0", "core", 0)
    times = stat(tmp_path / "stat", 100)
    meter = energy_meter(tmp_path, times)
    assert meter is not None
    for path, value in ((first, 7_000_000), (second, 1_000_000), (memory, 2_000_000), (core, 8)):
        (path / "energy_uj").write_text(f"{value}\n")
    spin_until = time.process_time() + 0.02
    while time.process_time() < spin_until:
        pass
    stat(times, 101)  # a tick of 10 ms, of which this process had all
    assert meter.used_j() == pytest.approx(12.0)


def test_a_process_is_charged_its_share_of_the_processor(tmp_path: Path) -> None:
    package = zone(tmp_path, "intel-rapl:0", "package-0", 0)
    times = stat(tmp_path / "stat", 0)
    meter = energy_meter(tmp_path, times)
    assert meter is not None
    (package / "energy_uj").write_text("100000000\n")  # 100 J
    began = time.process_time()
    spin_until = began + 0.02
    while time.process_time() < spin_until:
        pass
    stat(times, 100)  # a second of all processes
    used = meter.used_j()
    assert used is not None
    assert 100 * 0.02 <= used <= 100 * (time.process_time() - began + 0.02)


def test_a_counter_that_is_gone_measures_nothing(tmp_path: Path) -> None:
    package = zone(tmp_path, "intel-rapl:0", "package-0", 0)
    meter = energy_meter(tmp_path, stat(tmp_path / "stat", 0))
    assert meter is not None
    (package / "energy_uj").unlink()
    assert meter.used_j() is None
