"""The house: who may import whom and what, and how long a file or function may be."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
TOP = ("nas", "search_spaces", "hardware_profiles")
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60

WORDS = {"nas.errors", "nas.objectives", "nas.quantities"}
FACTS = {"search_spaces", "hardware_profiles"}
FLOOR_0 = WORDS | FACTS
FLOOR_1 = FLOOR_0 | {"nas.carbon", "nas.pareto"}
FLOOR_2 = FLOOR_1 | {"nas.cost", "nas.models", "nas.runs"}
AFTER = FLOOR_2 - {"nas.models"}

# The drawing: of each part, which parts and which libraries it may import. Where less than the
# floors below is allowed, that is the point: costs and models do not see one another, and what
# comes after a search sees no models.
MAY_IMPORT = {
    "nas": {"nas.api", "nas.carbon", "nas.errors", "hardware_profiles"},  # when first used
    "nas.errors": set(),
    "nas.objectives": {"nas.errors"},
    "nas.quantities": set(),
    "search_spaces": {"nas.errors", "nas.objectives"},
    "hardware_profiles": {"nas.errors", "nas.objectives"},
    "nas.carbon": FLOOR_0,
    "nas.pareto": FLOOR_0,
    "nas.cost": FLOOR_1,
    "nas.models": FLOOR_0,
    "nas.runs": FLOOR_1 | {"nas.cost"},  # tables of records are derived by scoring
    "nas.engine": FLOOR_2,
    "nas.deciding": AFTER,
    "nas.comparison": AFTER | {"nas.deciding"},
    "nas.rescoring": AFTER,
    "nas.deployments": AFTER | {"nas.rescoring"},
    "nas.robustness": AFTER | {"nas.comparison"},
    "nas.selection": AFTER | {"nas.comparison"},
    "nas.sensitivity": AFTER | {"nas.comparison", "nas.deciding", "nas.rescoring", "nas.selection"},
    "nas.report": AFTER
    | {"nas.comparison", "nas.deciding", "nas.rescoring", "nas.selection", "nas.sensitivity"}
    | {"nas.robustness"},
    "nas.repayment": AFTER | {"nas.report"},
    "nas.service": AFTER | {"nas.rescoring", "nas.repayment", "nas.report"},
    "nas.cli": FLOOR_2
    | {"nas.engine", "nas.comparison", "nas.rescoring", "nas.selection", "nas.report"}
    | {"nas.sensitivity", "nas.service", "nas.repayment", "nas.robustness", "nas.deployments"},
    "nas.api": FLOOR_2
    | {"nas.engine", "nas.comparison", "nas.rescoring", "nas.selection", "nas.report"}
    | {"nas.robustness", "nas.sensitivity", "nas.service", "nas.deployments"},
    "nas.__main__": {"nas.cli"},
}
LIBRARIES = {
    "nas": set(),
    "nas.errors": set(),
    "nas.objectives": set(),
    "nas.quantities": set(),
    "search_spaces": {"numpy"},
    "hardware_profiles": {"numpy", "pydantic", "pydantic_core", "yaml"},
    "nas.carbon": {"numpy"},
    "nas.pareto": {"numpy", "moocore"},
    "nas.cost": {"numpy"},
    "nas.models": {"numpy", "torch", "sklearn", "onnx", "onnxruntime", "pyarrow", "safetensors"}
    | {"PIL", "psutil"},
    "nas.runs": {"numpy", "pandas", "pyarrow", "yaml"},
    "nas.engine": {"numpy", "scipy", "optuna", "sqlalchemy", "psutil", "pydantic", "yaml"},
    "nas.comparison": {"numpy", "pandas"},
    "nas.deciding": {"numpy", "pandas"},
    "nas.deployments": set(),
    "nas.rescoring": {"numpy", "pandas"},
    "nas.repayment": {"numpy", "pandas"},
    "nas.robustness": {"numpy", "pandas"},
    "nas.selection": {"numpy", "pandas"},
    "nas.sensitivity": {"numpy", "pandas"},
    "nas.service": {"pandas"},
    "nas.report": {"numpy", "pandas"},
    "nas.cli": {"typer", "rich", "yaml"},
    "nas.api": {"pandas"},
    "nas.__main__": set(),
}
LIGHT = (
    "nas",
    "nas.carbon",
    "nas.comparison",
    "nas.cost",
    "nas.pareto",
    "nas.repayment",
    "nas.report",
    "nas.rescoring",
    "nas.robustness",
    "nas.runs",
    "nas.selection",
    "nas.sensitivity",
    "nas.service",
)


class Import(NamedTuple):
    """One imported module: its line, whether it is only for types, whether it is in a function."""

    module: str
    line: int
    typing_only: bool
    at_top: bool


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def part_of(module):
    first, _, rest = module.partition(".")
    return f"nas.{rest.split('.')[0]}" if first == "nas" and rest else first


@cache
def sources():
    """Every source file by module name, parsed."""
    paths = [path for top in TOP for path in sorted((ROOT / top).rglob("*.py"))]
    return {module_of(path): (path, ast.parse(path.read_text(encoding="utf-8"))) for path in paths}


def imports_of(module):
    return list(_walk_imports(sources()[module][1], typing_only=False, at_top=True))


def _walk_imports(node, *, typing_only, at_top):
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, typing_only, at_top)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"line {child.lineno}: relative import; write the full name"
            for alias in child.names:
                full = f"{child.module}.{alias.name}"
                name = full if full in sources() else child.module
                yield Import(name, child.lineno, typing_only, at_top)
        else:
            for_types = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
            in_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            yield from _walk_imports(
                child, typing_only=typing_only or for_types, at_top=at_top and not in_function
            )


def is_own(module):
    return module.partition(".")[0] in TOP


def top_level_graph():
    """Which own modules each module loads when it is loaded."""
    return {
        module: {
            item.module
            for item in imports_of(module)
            if item.at_top and not item.typing_only and is_own(item.module)
        }
        for module in sources()
    }


def functions_of(module):
    """Every function of a module: its full name, its node, whether it is within another one."""
    waiting = [(module, sources()[module][1], False)]
    while waiting:
        name, node, within = waiting.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{name}.{child.name}", child, within
                waiting.append((f"{name}.{child.name}", child, True))
            elif isinstance(child, ast.ClassDef):
                waiting.append((f"{name}.{child.name}", child, within))
            elif isinstance(child, ast.stmt):
                waiting.append((name, child, within))


def lines_of(function):
    """Lines of a function without its docstring, which may be as long as it is useful."""
    length = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function, clean=False) is not None:
        text = function.body[0]
        length -= text.end_lineno - text.lineno + 1
    return length


def is_private(name):
    return any(part.startswith("_") for part in name.split("."))


def has_text(node):
    return len(ast.get_docstring(node) or "") > len("...")


def test_every_part_is_in_the_drawing():
    parts = {part_of(module) for module in sources()}
    assert parts == set(MAY_IMPORT) == set(LIBRARIES)


def test_the_drawing_itself_has_no_cycle():
    order, left = [], dict(MAY_IMPORT)
    while left:
        ready = [part for part, below in left.items() if below <= set(order)]
        assert ready, f"these parts may import one another: {sorted(left)}"
        order += ready
        left = {part: below for part, below in left.items() if part not in ready}


@pytest.mark.parametrize("part", sorted(MAY_IMPORT))
def test_parts_import_only_what_is_below_them(part):
    allowed = MAY_IMPORT[part] | {part}
    wrong = [
        f"{module}:{item.line} imports {item.module}"
        for module in sources()
        if part_of(module) == part
        for item in imports_of(module)
        if is_own(item.module) and part_of(item.module) not in allowed
    ]
    assert not wrong


@pytest.mark.parametrize("part", sorted(LIBRARIES))
def test_parts_use_only_their_libraries(part):
    allowed = LIBRARIES[part] | set(sys.stdlib_module_names)
    wrong = [
        f"{module}:{item.line} imports {item.module}"
        for module in sources()
        if part_of(module) == part
        for item in imports_of(module)
        if not is_own(item.module)
        and not item.typing_only
        and item.module.partition(".")[0] not in allowed
    ]
    assert not wrong


def test_no_module_imports_itself_in_a_circle():
    left = {module: set(loads) - {module} for module, loads in top_level_graph().items()}
    while ready := [module for module, loads in left.items() if not loads & set(left)]:
        for module in ready:
            del left[module]
    assert not left


def test_packages_are_at_most_two_deep():
    assert [module for module in sources() if module.count(".") > 2] == []


def test_files_are_short():
    lengths = {
        module: len(path.read_text(encoding="utf-8").splitlines())
        for module, (path, _) in sources().items()
    }
    assert {module: n for module, n in lengths.items() if n >= MAX_FILE_LINES} == {}


def test_functions_are_short():
    lengths = {
        name: lines_of(function)
        for module in sources()
        for name, function, _ in functions_of(module)
    }
    assert {name: n for name, n in lengths.items() if n > MAX_FUNCTION_LINES} == {}


def test_modules_and_public_functions_say_what_they_do():
    silent = [module for module, (_, tree) in sources().items() if not has_text(tree)]
    silent += [
        name
        for module in sources()
        for name, function, within in functions_of(module)
        if not within and not is_private(name) and not has_text(function)
    ]
    assert silent == []


@pytest.mark.parametrize("module", LIGHT)
def test_importing_loads_neither_torch_nor_optuna(module):
    code = f"import sys, {module}; print(*({{'torch', 'optuna'}} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == ""
