"""Reading YAML 1.2 files of facts, and turning what is wrong in them into one clear line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from nas.errors import HardwareError

__all__ = ["parse_facts", "read_yaml", "refuse_boolean"]

_Model = TypeVar("_Model", bound=BaseModel)


class _Yaml12Loader(yaml.SafeLoader):
    """PyYAML's safe loader with YAML 1.2 scalars: `64e6` is a number and `no` is Norway."""


# The class's own table, so that PyYAML's YAML 1.1 scalars are not inherited.
_Yaml12Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", r"<<", "<"),
):
    _Yaml12Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), list(_first)
    )


def _decimal(loader: _Yaml12Loader, node: yaml.ScalarNode) -> int:
    """YAML 1.2 reads `010` as ten; PyYAML's own constructor as eight."""
    return int(loader.construct_scalar(node))


_Yaml12Loader.add_constructor("tag:yaml.org,2002:int", _decimal)


def _unique_mapping(loader: _Yaml12Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            line = key.start_mark.line + 1
            raise yaml.constructor.ConstructorError(
                problem=f"a key is a list or a mapping (line {line}); write it as text"
            )
        if key.tag == "tag:yaml.org,2002:merge":
            continue
        if key.value in seen:
            line = key.start_mark.line + 1
            raise yaml.constructor.ConstructorError(
                problem=f"key {key.value!r} is given twice (line {line})"
            )
        seen.add(key.value)
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


_Yaml12Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML 1.2 file.

    Plain scalars follow YAML 1.2: ``64e6`` is a number, ``no`` and ``on`` are text. A key given
    twice is refused; tags that build objects are refused.

    Args:
        path: The file.

    Raises:
        HardwareError: If the file is missing, is not YAML or does not hold a mapping.
    """
    try:
        with path.open(encoding="utf-8") as stream:
            content = yaml.load(stream, Loader=_Yaml12Loader)
    except (OSError, UnicodeDecodeError) as error:
        raise HardwareError(f"{path.name}: cannot be read ({error}); check the path") from error
    except (yaml.YAMLError, ValueError, TypeError) as error:
        what = " ".join(str(error).split())
        raise HardwareError(f"{path.name}: is not valid YAML ({what}); correct it") from error
    if content is None:
        raise HardwareError(f"{path.name}: is empty; write it as `key: value` lines")
    if not isinstance(content, dict):
        raise HardwareError(
            f"{path.name}: holds {type(content).__name__}; expected a mapping `key: value`"
        )
    return content


def parse_facts(model: type[_Model], content: object, origin: str) -> _Model:
    """``content`` as a validated ``model``.

    Args:
        model: A pydantic model of this package.
        content: Parsed YAML or JSON.
        origin: Named at the start of an error, usually a file's name.

    Raises:
        HardwareError: If a key, unit, range, type or source is wrong; one line that names
            ``origin``, the key, what is wrong and the remedy.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise HardwareError(_one_line(model, error, origin)) from error


def refuse_boolean(kind: Any, given: Any) -> Any:
    """What a field is given, unless it is ``true`` where a number belongs: pydantic reads it as 1.

    Args:
        kind: Annotation of the field.
        given: What a file or a caller gives it.

    Raises:
        ValueError: If it is a truth value and the field holds none.
    """
    kinds = (kind, *get_args(kind))
    if isinstance(given, bool) and bool not in kinds and Any not in kinds:
        raise ValueError(f"got {given}; expected a number or a text")
    return given


_REMEDIES = {
    "missing": "missing; add it",
    "dict_type": "expected a mapping; write it as `key: value` lines",
    "tuple_type": "expected a list, such as [this, that]",
    "list_type": "expected a list, such as [this, that]",
    "float_type": "expected a number in the unit that ends the key",
    "finite_number": "expected a finite number",
    "string_too_short": "is empty; write it",
}


def _one_line(model: type[BaseModel], error: ValidationError, origin: str) -> str:
    faults = error.errors()
    # An unknown key explains the missing one that it was meant to be.
    first = min(faults, key=lambda fault: fault["type"] != "extra_forbidden")
    path = _path(first)
    key = f"{'.'.join(path)}: " if path else ""
    missing = [_path(fault) for fault in faults if fault["type"] == "missing"]
    if first["type"] == "missing" and len(missing) > 1:
        more = _more(len(faults) - len(missing))
        return f"{origin}: {', '.join('.'.join(keys) for keys in missing)}: missing; add them{more}"
    return f"{origin}: {key}{_what(model, first, path)}{_more(len(faults) - 1)}"


def _path(fault: ErrorDetails) -> list[str]:
    # Brackets mark keys of mappings and alternatives of a field, which a file does not name.
    return [str(part) for part in fault["loc"] if not str(part).startswith("[")]


def _more(count: int) -> str:
    return f" (and {count} more)" if count else ""


def _what(model: type[BaseModel], fault: ErrorDetails, path: list[str]) -> str:
    if fault["type"] == "extra_forbidden":
        known = _known_keys(model, path[:-1])
        near = difflib.get_close_matches(path[-1], known, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"
        return f"unknown key{hint} (the unit is the last part of a key)"
    if fault["type"] == "missing" and path[-1] == "source":
        return "missing; name where the figure can be read"
    if fault["type"] == "value_error":
        return fault["msg"].removeprefix("Value error, ")
    message = _REMEDIES.get(fault["type"], fault["msg"][:1].lower() + fault["msg"][1:])
    if fault["type"] == "model_type":
        known = _known_keys(model, path)
        likely = ["value", "source", "basis"] if "value" in known else known
        message = f"expected a mapping such as {{{', '.join(likely)}}}"
    given = fault["input"]
    if fault["type"] == "literal_error" and isinstance(given, str):
        offered = re.findall(r"'([^']*)'", fault["ctx"]["expected"])
        near = difflib.get_close_matches(given, offered, n=1, cutoff=0.5)
        message = (f"did you mean {near[0]!r}? " if near else "") + message
    if fault["type"] == "missing":
        return message
    shown = repr(given) if isinstance(given, int | float | str | None) else type(given).__name__
    return f"got {shown}; {message}"


def _known_keys(model: type[BaseModel], path: list[str]) -> list[str]:
    """Keys that were possible at ``path``, found by walking the JSON schema."""
    schema: Mapping[str, Any] = model.model_json_schema()
    definitions = schema.get("$defs", {})
    node: Any = schema
    for part in path:
        node = _descend(_resolve(node, definitions), part)
    return sorted(_resolve(node, definitions).get("properties", {}))


def _resolve(node: Any, definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    for option in (*node.get("anyOf", ()), *node.get("oneOf", ())):
        if option.get("type") != "null":
            node = option
            break
    reference = node.get("$ref")
    return dict(definitions[reference.rsplit("/", 1)[1]]) if reference else dict(node)


def _descend(node: Mapping[str, Any], part: str) -> Mapping[str, Any]:
    if part.isdigit() and "items" in node:
        return dict(node["items"])
    properties = node.get("properties", {})
    if part in properties:
        return dict(properties[part])
    extra = node.get("additionalProperties")
    return dict(extra) if isinstance(extra, Mapping) else {}
