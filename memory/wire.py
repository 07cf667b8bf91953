"""How the values of BrainPort look as JSON: one codec for the HTTP adapter and the HTTP service.

Pure.  Field names are those of the dataclasses, ids are strings, times RFC 3339; unknown members
are ignored, so that either side may be newer.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeVar, cast

import orjson
from pydantic import TypeAdapter, ValidationError

from memory.errors import MemoryRefused

T = TypeVar("T")


def dumps(value: object) -> bytes:
    """Return JSON of anything made of dataclasses, mappings, lists, ids, times and numbers."""
    return orjson.dumps(value)


def loads(body: bytes) -> Any:
    """Return what a JSON body says.  Raises: MemoryRefused when it is no JSON."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise MemoryRefused("The brain answered with something that is not JSON.") from exc


def parse(shape: type[T], found: object) -> T:
    """Return `found` as a value of `shape`.  Raises: MemoryRefused when it is none."""
    try:
        value: T = _adapter(cast(Any, shape)).validate_python(found)
    except ValidationError as exc:
        where = "/".join(str(part) for part in exc.errors()[0]["loc"])
        msg = f"The brain answered in another shape (at {where or 'the top'})."
        raise MemoryRefused(msg) from exc
    return value


@lru_cache(maxsize=64)
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)
