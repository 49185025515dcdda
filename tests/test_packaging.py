"""What is declared is what there is: packages, their data, dependencies, pinned versions."""

import ast
import re
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
TOP = ("nas", "search_spaces", "hardware_profiles")
IMPORT_NAMES = {"pillow": "PIL", "pyyaml": "yaml", "scikit-learn": "sklearn"}
# Needed though no line imports them: pandas writes Parquet with pyarrow, Optuna's `gp` needs scipy.
IMPORTED_BY_OTHERS = {"pyarrow", "scipy"}
COME_WITH_OTHERS = {"pydantic_core"}
# What only builds of torch for GPUs need.
FOR_GPUS = ("nvidia", "cuda", "triton")


def requirements(extra=None):
    """Declared dependencies by normal name: those of the project, or of an extra."""
    project = PROJECT["project"]
    rows = project["optional-dependencies"][extra] if extra else project["dependencies"]
    return {canonicalize_name(r.name): r for r in map(Requirement, rows)}


def pins():
    """Pinned versions by normal name."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9.a-z]*", row) for row in rows)
    return {canonicalize_name(name): version for name, version in (r.split("==") for r in rows)}


def test_every_package_is_declared():
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for top in TOP
        for path in (ROOT / top).rglob("__init__.py")
    }
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == found


def test_every_data_file_is_declared():
    declared = {
        path
        for package, patterns in PROJECT["tool"]["setuptools"]["package-data"].items()
        for pattern in patterns
        for path in (ROOT / package).glob(pattern)
    }
    found = {
        path
        for top in TOP
        for path in (ROOT / top).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert declared == found


def test_every_dependency_is_imported_and_every_import_declared():
    imported = set()
    for path in (path for top in TOP for path in (ROOT / top).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").partition(".")[0])
    declared = {IMPORT_NAMES.get(name, name) for name in requirements()}
    assert declared - IMPORTED_BY_OTHERS <= imported
    assert imported - set(sys.stdlib_module_names) - set(TOP) <= declared | COME_WITH_OTHERS


def test_pins_lie_in_the_declared_ranges():
    pinned = pins()
    for name, requirement in {
        **requirements(),
        **requirements("dev"),
        **requirements("published"),
    }.items():
        assert requirement.specifier.contains(pinned[name]), name
    assert pinned["torch"] == "2.13.0"


def needed_by(requirement):
    """What an installed distribution needs here, with the extras that are asked of it."""
    extras = {"", *requirement.extras}
    for row in map(Requirement, distribution(requirement.name).requires or ()):
        if row.marker is None or any(row.marker.evaluate({"extra": extra}) for extra in extras):
            yield row


def test_everything_that_is_needed_is_pinned():
    waiting = [*requirements().values(), *requirements("dev").values()]
    needed = {}
    while waiting:
        requirement = waiting.pop()
        name = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if name not in needed and not name[0].startswith(FOR_GPUS):
            needed[name] = requirement
            waiting += needed_by(requirement)
    assert {name for name, _ in needed} <= set(pins())


def test_versions_agree():
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{PROJECT['project']['version']}]" in changes
