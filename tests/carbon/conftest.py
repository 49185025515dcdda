import pytest

from hardware_profiles.figure import Figure
from hardware_profiles.profile import HardwareProfile


def _figure(value):
    return Figure(value=value, source="made up for a test", basis="derived")


def _profile(*, name="toy", idle_w=0.755, load_w=2.0, sleep_w=None, bill=None, **more):
    """A one-die device: 1 cm2 at 7 nm, made in Taiwan, one package: 2468.23 g in ACT 2022."""
    one_die = {
        "fab_location": "taiwan",
        "fab_source": "made up for a test",
        "fab_yield": _figure(0.875),
        "abatement_pct": _figure(97.0),
        "dies": [
            {
                "name": "soc",
                "area_cm2": _figure(1.0),
                "node_nm": 7,
                "node_source": "made up for a test",
            }
        ],
        "packages": _figure(1.0),
    }
    plain = {
        "name": name,
        "label": name,
        "kind": "sbc",
        "runtime": "none",
        "macs_per_s": {"int8": _figure(1e9)},
        "efficiency": {kind: _figure(0.5) for kind in ("conv", "depthwise", "linear")},
        "half_rate_macs": _figure(0.0),
        "dispatch_s": _figure(0.0),
        "memory_bytes_per_s": _figure(1e9),
        "memory_limit_bytes": _figure(1e9),
        "runtime_memory_bytes": _figure(0.0),
        "runtime_storage_bytes": _figure(0.0),
        "idle_w": _figure(idle_w),
        "load_w": _figure(load_w),
        "sleep_w": None if sleep_w is None else _figure(sleep_w),
        "energy_boundary": "wall",
        "lifetime_years": _figure(4.0),
        "bill_of_materials": one_die | (bill or {}),
    }
    return HardwareProfile.model_validate(plain | more)


@pytest.fixture(scope="session")
def make_profile():
    return _profile


@pytest.fixture(scope="session")
def figure():
    return _figure
