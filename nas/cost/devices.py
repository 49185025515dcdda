"""A device by what users write: a name, a design's name or sizes, or a profile file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hardware_profiles.accelerator import AcceleratorSpace, accelerator_names, accelerator_space
from hardware_profiles.catalog import hardware, load_profile
from hardware_profiles.documents import parse_facts, read_yaml
from hardware_profiles.profile import HardwareProfile
from nas.cost.design_profile import KNOBS, design_of_name, design_profile
from nas.errors import HardwareError

__all__ = ["device", "find_space"]

_FILES = (".yaml", ".yml")


def device(given: str | Mapping[str, Any]) -> HardwareProfile:
    """The profile that is meant.

    Args:
        given: A device's name (`carbon-nas hardware list`), a profile file ending in .yaml, the
            name of an accelerator's design such as ``default_c2_w64_d16_l256_b64_g4``, or its
            sizes: ``{accelerator: default, clusters: 2, pe_width: 64, pe_depth: 16, local_kib: 256,
            local_bytes_per_cycle: 64, global_mib: 4}`` with, where they differ from the space's,
            ``node_nm``, ``clock_hz``, ``dram_bytes_per_s`` and ``dram_gb``; ``accelerator`` may be
            a file of one's own.

    Raises:
        HardwareError: If it is unknown, a file is wrong, or a size is none of the space's.
    """
    if isinstance(given, Mapping):
        return _of_sizes(given)
    if given.endswith(_FILES):
        return load_profile(given)
    told = design_of_name(given)
    if told is not None and told[0] in accelerator_names():
        return design_profile(accelerator_space(told[0]), *told[1:])
    return hardware(given)


def find_space(name: str) -> AcceleratorSpace:
    """A space of accelerators by its name, or from a file that ends in .yaml.

    Raises:
        HardwareError: If there is none, or its file is wrong.
    """
    if not name.endswith(_FILES):
        return accelerator_space(name)
    path = Path(name)
    space = parse_facts(AcceleratorSpace, read_yaml(path), path.name)
    if space.name != path.stem:
        raise HardwareError(
            f"{path.name}: name: got {space.name!r}; write {path.stem!r} or rename the file"
        )
    return space


def _of_sizes(given: Mapping[str, Any]) -> HardwareProfile:
    name = given.get("accelerator")
    if not isinstance(name, str):
        raise HardwareError(
            "hardware: a mapping without accelerator; write {accelerator: default, ...} or a name"
        )
    sizes = {knob: given[knob] for knob in KNOBS if knob in given}
    others = {k: v for k, v in given.items() if k != "accelerator" and k not in KNOBS}
    return design_profile(find_space(name), sizes, others)
