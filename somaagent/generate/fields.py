"""Who sees and who writes which field: the part of docs/reference/permissions.md about it.

Fields are those of the OpenAPI document. What an operation asks for stands in the sweep of all
routes (`tests/integration/test_matrix.py`), which tries it for every role, so that this cannot say
what is not so.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from somaagent.config.groups import ROOT

SWEEP = ROOT / "tests" / "integration" / "test_matrix.py"
ONESELF = "the person, of their own account"
NOBODY = "whoever holds the password, code or link"
_BODIES = "#/components/schemas/"


@dataclass(slots=True)
class Sheet:
    """A schema of the API: its fields, and who meets it in answers and in bodies."""

    name: str
    fields: list[str]
    seen_by: set[str] = field(default_factory=set)
    written_by: set[str] = field(default_factory=set)


def sheets(document: dict[str, Any]) -> list[Sheet]:
    """Every schema that people meet, by name."""
    schemas = document["components"]["schemas"]
    found = {
        name: Sheet(name, list(schema.get("properties", ()))) for name, schema in schemas.items()
    }
    asked = _asked()
    for methods in document["paths"].values():
        for operation in methods.values():
            who = _who(operation, asked)
            for name in _named(operation.get("responses", {}), schemas):
                found[name].seen_by.add(who)
            for name in _named(operation.get("requestBody", {}), schemas):
                found[name].written_by.add(who)
    return [one for _, one in sorted(found.items()) if one.fields and one.seen_by | one.written_by]


def _asked() -> dict[str, str]:
    """{operation: what it asks for, in words}, as the sweep has it."""
    tables: dict[str, Any] = {}
    for node in ast.parse(SWEEP.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name in {"NEEDS", "OWNED", "FOR_ANYBODY"}:
                tables[name] = ast.literal_eval(node.value)
    found = dict.fromkeys(tables["FOR_ANYBODY"], "whoever is signed in")
    for table, words in (("NEEDS", "`{}`"), ("OWNED", "owner with `{}`")):
        for need, operations in tables[table].items():
            found |= dict.fromkeys(operations.split(), words.format(need))
    return found


def _who(operation: dict[str, Any], asked: dict[str, str]) -> str:
    if not operation.get("security"):
        return NOBODY
    return asked.get(operation["operationId"], ONESELF)


def _named(part: object, schemas: dict[str, Any], known: frozenset[str] = frozenset()) -> set[str]:
    """The schemas that a part of the document names, and those that these name."""
    found: set[str] = set()
    for name in set(_references(part)) - known:
        found |= {name} | _named(schemas[name], schemas, known | {name})
    return found


def _references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"].removeprefix(_BODIES)
        for inner in part.values():
            yield from _references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _references(inner)
