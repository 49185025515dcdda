"""Hardware-aware neural architecture search with a carbon objective.

    import nas

    results = nas.search("experiments/demo/config.yaml", "runs/demo")
    results.front("error", "carbon")
    results.select(limits={"error": 0.03}, prefer=["carbon", "latency"])

Importing this package loads nothing heavy; the names below load what they need when first used.
"""

from importlib import import_module
from typing import Any

__all__ = ["Results", "compare", "estimate", "export", "load", "search"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("nas.api"), name)
    raise AttributeError(f"module 'nas' has no attribute {name!r}; it offers {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
