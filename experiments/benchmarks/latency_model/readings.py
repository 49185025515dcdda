"""What was run for each column of a NAS-Bench-201 table, as its source documents it.

Where a source tells, no latency is looked at; where it does not, the table is (see tables.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Reading:
    """How a device was measured; None where no document tells.

    Attributes:
        once_a_class: Whether the first of each class of equal cells was measured for all of them.
        folded: Whether the runtime folds products with zero away.
        threads: Of the runtime.
        source: Who says so.
    """

    once_a_class: bool | None
    folded: bool | None
    threads: int | None
    source: str


# utils/arch_iter.py keeps the first cell of each class; utils/runners.py sets one thread in all
# three runtimes; utils/convert_utils.py traces torch modules, in which `none` is x.mul(0.), and
# ONNX Runtime and TorchScript fold constants alone. Of its third runtime the converter is unknown.
_PI5 = "roldebijvank/HW-NAS-Bench-360, utils/{arch_iter,runners,convert_utils}.py"
_EACH = "HW-NAS-Bench (arXiv:2103.10584): each of the 15,625 cells"
_READINGS = (
    (r"^pi5_(onnx|torch)", Reading(True, False, 1, _PI5)),
    (r"^pi5", Reading(True, None, 1, _PI5)),
    (r"^pixel(?!3)|npu", Reading(True, None, None, _PI5)),
    # TensorFlow's graph optimiser turns products with zeros into constants (grappler's
    # constant_folding.cc); an interpreter of TensorFlow Lite has one thread unless it is told.
    (r"^raspi4", Reading(False, True, 1, f"{_EACH} in TensorFlow Lite, whose defaults these are")),
    (r"^pixel3", Reading(False, True, None, f"{_EACH} in TensorFlow Lite, which folds zeros")),
    (r"^(fpga|eyeriss)", Reading(False, False, None, f"{_EACH}, operation by operation")),
    (r"^(gold|titan)", Reading(False, False, None, "HELP (arXiv:2106.08630), eager PyTorch")),
)
_UNDOCUMENTED = Reading(None, None, None, "")


def reading_of(device: str) -> Reading:
    """How a column of a table of cells was measured.

    Args:
        device: As the column names it, without ``lat_ms_``.
    """
    return next((found for name, found in _READINGS if re.search(name, device)), _UNDOCUMENTED)
