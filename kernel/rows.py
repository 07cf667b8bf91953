"""Rows in few round trips, for the units that every turn pays for.

Building a query through the ORM costs several times what the database needs to answer it. Here the
statement of a model is made once from its fields and then reused; validation of values, row-level
security and constraints are the same. Everything else keeps using the ORM.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Field, Model

M = TypeVar("M", bound=Model)
# A statement's text and its values.
Statement = tuple[str, Sequence[Any]]


def insert(
    rows: Sequence[Model], *beside: Statement, alias: str = DEFAULT_DB_ALIAS
) -> list[tuple[Any, ...]]:
    """Insert `rows`, of any models and in any order of reference, in one statement.

    `beside`: what else runs in the same round trip, and sees none of the rows; what the last one
    selects is returned. Joins the open unit; triggers fire, the rows' own defaults apply, `save` is
    not called.
    """
    connection = connections[alias]
    parts: list[str] = []
    given: list[Any] = []
    for row in rows:
        statement, fields = _insertion(type(row))
        parts.append(statement)
        given += [
            field.get_db_prep_save(field.pre_save(row, add=True), connection=connection)
            for field in fields
        ]
    for text, values in beside:
        parts.append(text)
        given += values
    last = parts.pop() if beside else "select"
    named = ", ".join(f"r{place} as ({part})" for place, part in enumerate(parts))
    with connection.cursor() as cursor:
        cursor.execute(f"with {named} {last}", given)
        found: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
    for row in rows:
        row._state.adding = False  # noqa: SLF001  # as `save` does
        row._state.db = alias  # noqa: SLF001
    return found


@lru_cache(maxsize=64)
def columns(model: type[Model], alias: str) -> str:
    """The columns of `model` as `restore` takes them, for a hand-written select."""
    return ", ".join(f"{alias}.{field.column}" for field in _fields(model))


def restore(model: type[M], row: Sequence[Any]) -> M:
    """The instance of the selected `columns` (models without converted fields, such as JSON)."""
    return model.from_db(DEFAULT_DB_ALIAS, _names(model), row)


@lru_cache(maxsize=64)
def _insertion(model: type[Model]) -> tuple[str, tuple[Field[Any, Any], ...]]:
    fields = _fields(model)
    named = ", ".join(str(field.column) for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    return f"insert into {model._meta.db_table} ({named}) values ({marks})", fields  # noqa: S608, SLF001


@lru_cache(maxsize=64)
def _fields(model: type[Model]) -> tuple[Field[Any, Any], ...]:
    return tuple(model._meta.concrete_fields)  # noqa: SLF001


@lru_cache(maxsize=64)
def _names(model: type[Model]) -> list[str]:
    return [field.attname for field in _fields(model)]
