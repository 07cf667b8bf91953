"""From one storage to another: every object is copied, read back and compared.

Never: overwrites what is different on the other side without being told to, or deletes anything.
What is there already is compared only, so a copy may be broken off and begun again.
"""

import hashlib
from collections.abc import Iterator
from io import BufferedReader, RawIOBase
from typing import Any, Literal

from kernel.actor import Scope
from kernel.storage.ports import ObjectMissing, Storage, place_of

Outcome = Literal["copied", "same", "different"]


def copy_all(
    source: Storage, target: Storage, *, replace: bool = False
) -> Iterator[tuple[str, Outcome]]:
    """`<tenant>/<key>` of each object, and what became of it. Raises: StorageAway."""
    for scope, key in source.objects():
        yield place_of(scope, key), copy(source, target, scope, key, replace=replace)


def copy(
    source: Storage, target: Storage, scope: Scope, key: str, *, replace: bool = False
) -> Outcome:
    """Copy one object; `different`: another one is there, or what was written did not come back."""
    wanted = _digest(source, scope, key)
    found = _digest(target, scope, key)
    if found == wanted:
        return "same"
    if found is not None and not replace:
        return "different"
    target.put(scope, key, BufferedReader(_Chunks(source.read(scope, key))))
    return "copied" if _digest(target, scope, key) == wanted else "different"


def _digest(storage: Storage, scope: Scope, key: str) -> bytes | None:
    digest = hashlib.sha256()
    try:
        for chunk in storage.read(scope, key):
            digest.update(chunk)
    except ObjectMissing:
        return None
    return digest.digest()


class _Chunks(RawIOBase):
    """Chunks as a file that can be read once."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        self._rest = self._rest or next(self._chunks, b"")
        taken = self._rest[: len(buffer)]
        buffer[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)
