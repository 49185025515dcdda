"""Memory and storage of a network on deployments, and whether it fits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hardware_profiles.deployment import Deployment
from nas.cost.figures import Array, Figures
from nas.cost.stack import Stack
from nas.cost.workload import Workload

__all__ = ["activation_bytes", "fit_reasons", "stored_bytes"]


def stored_bytes(workload: Workload | Stack, figures: Figures) -> Array:
    """Bytes of the folded weights and biases at each deployment's precision, shape (D, 1).

    Of many networks: for each kernel that of its network, shape (D, kernels).

    Args:
        workload: Counts of the network.
        figures: Figures of D deployments.
    """
    weights = workload.stored_weight_elements * figures.element_bytes
    floats = workload.stored_float_elements * figures.float_bytes
    return weights + workload.stored_bias_elements * figures.bias_bytes + floats


def activation_bytes(workload: Workload | Stack, figures: Figures) -> Array:
    """Most bytes of activations alive at once, for all inferences under way, shape (D, 1).

    Scores of attention count by the share of them that the runtime writes.

    Of many networks: for each kernel that of its network, shape (D, kernels).

    Args:
        workload: Counts of the network.
        figures: Figures of D deployments.
    """
    scored, unscored = workload.peak_activation_elements, workload.peak_unscored_elements
    elements = unscored + (scored - unscored) * figures.score_share
    return elements * figures.element_bytes * figures.together


def fit_reasons(
    memory_bytes: npt.NDArray[np.float64], storage_bytes: npt.NDArray[np.float64], figures: Figures
) -> tuple[str | None, ...]:
    """Why a network does not fit each deployment; None where it fits.

    What the runtime and other models on the device take is added to both; the limits are the
    device's.

    Args:
        memory_bytes: Memory of the model, shape (D,).
        storage_bytes: Storage of the model, shape (D,).
        figures: Figures of D deployments.

    Returns:
        D lines such as ``flash: needs 2.31 MB, has 2.00 MB``.
    """
    memory = memory_bytes + figures.taken_memory_bytes[:, 0]
    storage = storage_bytes + figures.taken_storage_bytes[:, 0]
    over = (memory > figures.memory_limit_bytes[:, 0], storage > figures.storage_limit_bytes[:, 0])
    if not (over[0].any() or over[1].any()):
        return (None,) * len(memory)
    return tuple(
        _reason(
            deployment,
            ("RAM", float(memory[i]), float(figures.memory_limit_bytes[i, 0])),
            ("flash", float(storage[i]), float(figures.storage_limit_bytes[i, 0])),
        )
        for i, deployment in enumerate(figures.deployments)
    )


def _reason(deployment: Deployment, *needs: tuple[str, float, float]) -> str | None:
    lines = [_shortage(what, need, limit) for what, need, limit in needs if need > limit]
    if lines and deployment.beside:
        lines[-1] += f" (beside {', '.join(model.name for model in deployment.beside)})"
    return "; ".join(lines) or None


def _shortage(what: str, need: float, limit: float) -> str:
    """Both numbers with two decimals, or with as many as tell them apart."""
    unit, size = ("MB", 1e6) if limit >= 1e6 else ("kB", 1e3)
    for decimals in (2, 3, 4, 5, 6):
        needs, has = f"{need / size:.{decimals}f} {unit}", f"{limit / size:.{decimals}f} {unit}"
        if needs != has:
            break
    return f"{what}: needs {needs}, has {has}"
