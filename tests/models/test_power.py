"""Powers of a machine that counts its energy, from files laid out as the kernel's powercap."""

import subprocess

import pytest

from nas.models.power import gpu_power_w, processor_powers_w, read_watts


def zone(folder, name, kind, counted_uj, range_uj=262_143_328_850):
    path = folder / name
    path.mkdir()
    (path / "name").write_text(f"{kind}\n")
    (path / "max_energy_range_uj").write_text(f"{range_uj}\n")
    (path / "energy_uj").write_text(f"{counted_uj}\n")
    return path / "energy_uj"


def drawing(joules):
    """A function in which counters go on by so much, from their end to 0."""

    def run():
        for path, more, most in joules:
            path.write_text(f"{(int(path.read_text()) + round(1e6 * more)) % (most + 1)}\n")

    return run


def test_packages_and_memory_count_and_their_parts_do_not(tmp_path):
    most = 262_143_328_850
    package = zone(tmp_path, "intel-rapl:0", "package-0", most - 1_000)  # passes its end
    memory = zone(tmp_path, "intel-rapl:0:1", "dram", 5_000)
    cores = zone(tmp_path, "intel-rapl:0:0", "core", 7)
    rest = drawing([(package, 20.0, most), (memory, 4.0, most), (cores, 18.0, most)])
    work = drawing([(package, 120.0, most), (memory, 15.0, most), (cores, 117.0, most)])
    # 24 J in 2 s, then 135 J in 3 s.
    powers = processor_powers_w(rest, work, tmp_path, iter((5.0, 7.0, 8.0, 11.0)).__next__)
    assert powers == pytest.approx((12.0, 45.0))


def test_without_a_counter_that_can_be_read_power_is_unknown(tmp_path):
    assert processor_powers_w(int, int, tmp_path / "missing") is None
    counter = zone(tmp_path, "intel-rapl:0", "package-0", 5)
    assert processor_powers_w(counter.unlink, int, tmp_path) is None
    assert processor_powers_w(int, int, tmp_path) is None


def test_power_of_a_card_is_what_its_tool_prints_or_unknown():
    assert read_watts("71.30\n") == 71.3
    for text in ("[N/A]", "[Not Supported]", "", "0.00", "inf", "nan", "71.3 W"):
        assert read_watts(text) is None
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, check=False).stdout
    except OSError:
        listed = b""
    assert (gpu_power_w(0) is None) or b"GPU 0" in listed
