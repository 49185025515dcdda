"""Run folders with made-up errors, so that what comes after a search is tested without one."""

import json
import math

import numpy as np
import pytest
from hypothesis import settings
from tiny_runs import carbon_nas, config_file, in_process, tiny, tiny_run

from hardware_profiles.catalog import hardware
from hardware_profiles.deployment import Deployment, deployment_to_dict
from hardware_profiles.grid import grid
from nas.carbon import Demand, Study, study_to_dict
from nas.runs import create_run
from search_spaces import space
from search_spaces.graph import graph_key
from search_spaces.layers import layers_to_json, parameter_count

__all__ = ["carbon_nas", "config_file", "in_process", "make_run", "tiny", "tiny_run"]

# A busy machine is no fault of an example.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

_CLASSES = [str(digit) for digit in range(10)]


def some_deployments():
    """A small board in int8 and a larger one in both precisions, on two grids."""
    return (
        Deployment("mcu-int8-fr", hardware("stm32l4r5"), "int8", grid("fr")),
        Deployment("rpi4-int8-fr", hardware("rpi4"), "int8", grid("fr")),
        Deployment("rpi4-fp32-us", hardware("rpi4"), "fp32", grid("us")),
    )


def frozen_facts(deployments, study):
    return {
        "task": {
            "name": "digits",
            "label": "Handwritten digits, 8x8",
            "metric": "accuracy",
            "error_label": "error (1 - accuracy)",
            "worst_error": 0.9,
            "best_error": 0.0,
            "input_shape": [1, 8, 8],
            "classes": _CLASSES,
            "source": "scikit-learn load_digits",
            "licence": "CC BY 4.0",
        },
        "space": {"name": "mbconv", "label": "mbconv", "version": 1, "size": 123_456},
        "study": study_to_dict(study),
        "deployments": [deployment_to_dict(deployment) for deployment in deployments],
        "deployments_as": "alternatives",
        "objectives": ["error", "latency", "carbon"],
        "constraints": {},
        "recipe": {"epochs": 12, "batch_size": 64, "precision": "fp32"},
        "final_recipe": {"epochs": 40, "batch_size": 64, "precision": "fp32"},
        "search": {
            "sampler": "random",
            "seed": 0,
            "workers": 2,
            "threads": 1,
            "cores": 2,
            "host": deployment_to_dict(
                Deployment("search", hardware("rpi4"), "fp32", grid("fr"), pue=1.1)
            ),
        },
        "budget": {"trainings": 40, "seconds": None, "gco2e": None},
        "finalists": {"extra_seeds": 0, "at_most": 0},
        "storage": None,
        "data_dir": None,
    }


@pytest.fixture(scope="session")
def make_run():
    """A function (folder, count, seed, ...) that writes a finished run and opens it."""

    def make(folder, *, count=12, seed=0, study=None, deployments=None, task="digits", **changes):
        study = study or Study(Demand(lifetime_years=4.0, busy_share=0.3))
        deployments = deployments or some_deployments()
        facts = {**frozen_facts(deployments, study), **changes}
        facts["task"] = {**facts["task"], "name": task}
        config = f"task: {task}\nspace: mbconv\n"
        run = create_run(folder, config, facts)
        rng = np.random.default_rng(seed)
        mbconv = space("mbconv")
        for order in range(count):
            architecture = mbconv.sample(rng)
            layers = mbconv.layers(architecture, (1, 8, 8), 10)
            error = 0.01 + 0.6 / math.log10(parameter_count(layers)) ** 3 + 0.02 * rng.random()
            write_candidate(run, order, architecture, layers, error)
        return run

    return make


def write_candidate(run, order, architecture, layers, error):
    folder = run.artifacts / graph_key(layers)
    folder.mkdir(parents=True, exist_ok=True)
    described = {"architecture": architecture, "layers": layers_to_json(layers)}
    result = {
        "order": order,
        "status": "diverged" if order % 10 == 9 else "trained",
        "message": None,
        "seed": order,
        "errors": {"fp32": error, "int8": error + 0.004},
        "curve": [],
        "seconds": 5.0,
        "energy_j": 60.0,
        "gco2e": 0.002,
    }
    (folder / "layers.json").write_text(json.dumps(described), encoding="utf-8")
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
