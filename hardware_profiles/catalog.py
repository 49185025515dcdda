"""The devices that come with the package: one YAML file each, found by their name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from hardware_profiles.documents import parse_facts, read_yaml
from hardware_profiles.host import detect_host
from hardware_profiles.profile import HardwareProfile
from nas.errors import HardwareError, unknown_name

__all__ = ["hardware", "hardware_names", "load_profile", "profile_from_dict", "profile_to_dict"]


_FOLDER = Path(__file__).with_name("data") / "devices"


def hardware_names() -> tuple[str, ...]:
    """Names of all devices, sorted: one for each file in ``data/devices``, and ``host``."""
    return tuple(sorted({path.stem for path in _FOLDER.glob("*.yaml")} | {"host"}))


@cache
def hardware(name: str) -> HardwareProfile:
    """The profile of that name; ``host`` is measured on this machine, once a process.

    Args:
        name: Lower case, such as ``rpi4``; `load_profile` takes a file.

    Raises:
        HardwareError: If the name is unknown; the nearest known one is named.
    """
    if name == "host":
        return detect_host()
    if name not in hardware_names():
        raise HardwareError(
            unknown_name("hardware", name, hardware_names(), "carbon-nas hardware list")
        )
    return load_profile(_FOLDER / f"{name}.yaml")


def load_profile(path: Path | str) -> HardwareProfile:
    """A profile from a YAML file.

    Args:
        path: The file; its name without ``.yaml`` is the profile's ``name``.

    Raises:
        HardwareError: If the file cannot be read, or a key, unit, range or source in it is wrong;
            the line names file, key and remedy.
    """
    path = Path(path)
    profile = profile_from_dict(read_yaml(path), origin=path.name)
    if profile.name != path.stem:
        raise HardwareError(
            f"{path.name}: name: got {profile.name!r}; write {path.stem!r} or rename the file"
        )
    return profile


def profile_to_dict(profile: HardwareProfile) -> dict[str, Any]:
    """Plain data of a profile, as JSON or YAML can hold it; None stays None."""
    return profile.model_dump(mode="json")


def profile_from_dict(content: Mapping[str, Any], *, origin: str = "profile") -> HardwareProfile:
    """The profile that `profile_to_dict` wrote.

    Args:
        content: As read from JSON or YAML.
        origin: Named at the start of an error.

    Raises:
        HardwareError: If a key, unit, range or source is wrong.
    """
    return parse_facts(HardwareProfile, content, origin)
