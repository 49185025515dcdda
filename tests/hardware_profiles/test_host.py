"""The machine the tests run on."""

import subprocess
import sys

from hardware_profiles.catalog import hardware
from hardware_profiles.host import detect_host


def test_the_host_is_plausible_and_measured_where_it_can_be():
    host = detect_host()
    assert host.name == host.kind == "host"
    assert host.macs_per_s["fp32"].basis == host.memory_bytes_per_s.basis == "measured"
    assert 1e8 < host.macs_per_s["fp32"].value < 1e15
    assert 1e8 < host.memory_bytes_per_s.value < 1e14
    assert host.memory_limit_bytes.value > 1e8
    assert host.idle_w.basis == host.load_w.basis == "assumed"


def test_the_catalogue_measures_it_once():
    assert hardware("host") is hardware("host")


def test_it_loads_no_heavy_package():
    code = (
        "import sys; from hardware_profiles.catalog import hardware; hardware('host');"
        "sys.exit(sum(m in sys.modules for m in ('torch', 'optuna', 'pandas', 'scipy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
