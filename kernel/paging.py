"""Keyset cursors: the sort keys of a page's last row, opaque to clients."""

import base64
import binascii
from collections.abc import Callable
from typing import Any

import orjson

from kernel.errors import BadRequest


class BadCursor(BadRequest):
    """The cursor was not made by us."""

    code, title = "bad-cursor", "This page cannot be continued"


def encode(*keys: object) -> str:
    """An opaque cursor of the keys."""
    return base64.urlsafe_b64encode(orjson.dumps(keys)).rstrip(b"=").decode()


def decode(cursor: str | None, *types: Callable[[str], Any]) -> tuple[Any, ...] | None:
    """The keys, each through its type; None without a cursor. Raises: BadCursor."""
    if not cursor:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        keys = orjson.loads(base64.urlsafe_b64decode(padded))
        return tuple(make(key) for make, key in zip(types, keys, strict=True))
    except (ValueError, TypeError, binascii.Error) as exc:
        raise BadCursor("Start again from the first page.") from exc
