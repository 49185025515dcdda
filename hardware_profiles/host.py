"""This machine as a device."""

from __future__ import annotations

from hardware_profiles.profile import HardwareProfile
from nas.errors import HardwareError

__all__ = ["detect_host"]


def detect_host() -> HardwareProfile:
    """The profile of the machine this runs on, named ``host``."""
    raise HardwareError("host: not written yet")
