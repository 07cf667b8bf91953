"""Values that fit an annotation, for sweeps that call what they have never seen."""

import dataclasses
import types
import typing
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Union, get_args, get_origin, get_type_hints

from kernel.clock import now

PLAIN: dict[Any, Any] = {
    str: "x", int: 1, float: 1.0, bool: False, bytes: b"x", object: None, Any: "x",
    dict: {}, list: [], tuple: (), set: set(), frozenset: frozenset(),
}  # fmt: skip


def invent(annotation: Any, name: str, known: Mapping[str, Any]) -> Any:
    """What is known by `name`, else something plain that fits.

    Of dataclasses, those fields are filled that have no default or whose name is known.
    """
    if name in known:
        return known[name]
    if dataclasses.is_dataclass(annotation):
        return _filled(annotation, known)
    if annotation is uuid.UUID:
        return uuid.uuid4()
    if annotation is datetime:
        return now()
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return None if type(None) in inner else invent(inner[0], name, known)
    if origin is typing.Literal:
        return inner[0]
    if origin is typing.Annotated:
        return invent(inner[0], name, known)
    if origin in (tuple, list) or "Sequence" in str(origin):
        some = (known[name[:-1]],) if name[:-1] in known else ()
        return list(some) if origin is list else some
    return PLAIN.get(origin or annotation, {})


def _filled(cls: Any, known: Mapping[str, Any]) -> Any:
    hints = get_type_hints(cls)
    wanted = {
        field.name: invent(hints[field.name], field.name, known)
        for field in dataclasses.fields(cls)
        if field.init
        and (
            field.name in known
            or (
                field.default is dataclasses.MISSING
                and field.default_factory is dataclasses.MISSING
            )
        )
    }
    return cls(**wanted)
