"""What the sub-networks of a trained supernet reach, without training any of them.

A sub-network's batch norms take their statistics from a few training batches (as every published
supernet must, since the running ones would be of no network in particular), then some validation
samples are run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call

from nas.models.build import Network
from nas.models.metrics import error as error_of
from nas.models.supernet import Supernet
from nas.models.tasks import Splits
from nas.models.torch_process import keep_freed_memory, torch_threads
from nas.models.training_step import normalised, scale_of

__all__ = ["SupernetScorer"]

_AT_ONCE = 125  # of which the activations stay in a processor's cache
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


class SupernetScorer:
    """Scores sub-networks on the same samples.

    Args:
        supernet: Trained.
        splits: The task's data.
        calibration: Training samples from which batch norms take their statistics, >= 2.
        validation: Validation samples that are scored; None is all.
        threads: Torch threads.
    """

    def __init__(
        self,
        supernet: Supernet,
        splits: Splits,
        *,
        calibration: int = 256,
        validation: int | None = 1000,
        threads: int = 1,
    ) -> None:
        keep_freed_memory()
        scale = scale_of(splits)
        self._supernet, self._splits, self._threads = supernet, splits, threads
        self._calibration = normalised(torch.from_numpy(splits.train_x[:calibration]), scale)
        self._x = normalised(torch.from_numpy(splits.validation_x[:validation]), scale)
        self._y = splits.validation_y[:validation]

    def error(self, architecture: Mapping[str, Any]) -> float:
        """Validation error of a sub-network, >= 0.

        Args:
            architecture: A point of the space.

        Raises:
            SpaceError: It is not in the space, or larger than the weights.
        """
        return error_of(self._supernet.task, self.outputs(architecture), self._y, self._splits)

    def state(self, architecture: Mapping[str, Any]) -> dict[str, Tensor]:
        """Weights of a sub-network with calibrated batch norms, as of a network trained alone.

        Args:
            architecture: A point of the space.

        Returns:
            A `state_dict` of `nas.models.build.build`'s module.

        Raises:
            SpaceError: It is not in the space, or larger than the weights.
        """
        network = self._supernet.extracted(architecture)
        with torch_threads(self._threads), torch.no_grad():
            recalibrate(network, dict(network.named_parameters()), self._calibration)
        return {name: value.detach() for name, value in network.state_dict().items()}

    def outputs(self, architecture: Mapping[str, Any]) -> NDArray[np.float32]:
        """Outputs of a sub-network for the validation samples, (n, *task.output_shape)."""
        network, slices = self._supernet.network(architecture), self._supernet.slices(architecture)
        with torch_threads(self._threads), torch.inference_mode():
            recalibrate(network, slices, self._calibration)
            parts = [
                functional_call(network, slices, (part,), strict=False)
                for part in torch.split(self._x, _AT_ONCE)
            ]
        outputs: NDArray[np.float32] = torch.cat(parts).float().numpy()
        return outputs


def recalibrate(network: Network, parameters: Mapping[str, Tensor], x: Tensor) -> None:
    """Give the batch norms of a network the statistics of one batch, and set it to evaluation.

    Args:
        network: Whose running statistics are replaced.
        parameters: By name; used in place of its own.
        x: Normalised training inputs.
    """
    norms = [module for module in network.modules() if isinstance(module, _NORMS)]
    if norms:
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the mean of what is seen
        network.train()
        functional_call(network, dict(parameters), (x,), strict=False)
    network.eval()
