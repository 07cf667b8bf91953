"""Identifiers: UUIDv7 (RFC 9562, section 5.7), so that keys sort by creation time."""

import os
import threading
import time
from uuid import UUID

_lock = threading.Lock()
_last = 0


def uuid7() -> UUID:
    """A new UUIDv7, strictly increasing within this process.

    The 12 bits after the millisecond hold a sub-millisecond fraction (RFC 9562, method 3) and are
    bumped when two calls fall into the same tick, so ids made by one process never go backwards.
    """
    global _last  # noqa: PLW0603  # the counter is the whole point of a monotonic generator
    with _lock:
        tick = time.time_ns() * 4096 // 1_000_000
        _last = tick if tick > _last else _last + 1
        tick = _last
    milliseconds, fraction = tick >> 12, tick & 0xFFF
    tail = int.from_bytes(os.urandom(8), "big") & 0x3FFF_FFFF_FFFF_FFFF
    return UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0x2 << 62 | tail)
