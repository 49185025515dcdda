"""Hardware-aware neural architecture search with a carbon objective.

    import nas

    results = nas.search("experiments/demo/config.yaml", "runs/demo")
    results.front("error", "carbon")
    results.select(limits={"error": 0.03}, prefer="carbon,latency")
    results.rescore("rpi4:int8", grid=["fr", "in"])

Importing this package loads nothing heavy; the names below load what they need when first used.
"""

from importlib import import_module
from typing import Any

_FROM = {
    **dict.fromkeys(("Results", "compare", "estimate", "export", "load", "search"), "nas.api"),
    **dict.fromkeys(("Baseline", "Demand", "Study"), "nas.carbon"),
    "Deployment": "hardware_profiles.deployment",
    "ModelBeside": "hardware_profiles.beside",
    "hardware": "hardware_profiles.catalog",
    "grid": "hardware_profiles.grid",
    "CarbonNasError": "nas.errors",
}

__all__ = [
    "Baseline",
    "CarbonNasError",
    "Demand",
    "Deployment",
    "ModelBeside",
    "Results",
    "Study",
    "compare",
    "estimate",
    "export",
    "grid",
    "hardware",
    "load",
    "search",
]


def __getattr__(name: str) -> Any:
    if name in _FROM:
        return getattr(import_module(_FROM[name]), name)
    raise AttributeError(f"module 'nas' has no attribute {name!r}; it offers {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
