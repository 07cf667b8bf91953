"""Storage in a folder of this machine: `<root>/<tenant>/<key>`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from kernel.actor import Scope
from kernel.ids import uuid7
from kernel.ports import Probe
from kernel.storage.ports import (
    CHUNK_BYTES,
    ObjectMissing,
    StorageAway,
    object_at,
    place_of,
    round_trip,
)


class LocalStorage:
    """The embedded adapter."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._probe_key = f"probe-{uuid7()}"

    def put(self, scope: Scope, key: str, content: BinaryIO) -> int:
        """Write to a temporary name, then rename, so that a crash leaves no half object."""
        path = self._root / place_of(scope, key)
        temporary = path.with_name(f".{uuid7()}")
        with _folder():
            path.parent.mkdir(parents=True, exist_ok=True)
            file = temporary.open("xb")
        size_bytes = 0
        try:
            with file:
                while chunk := content.read(CHUNK_BYTES):
                    with _folder():
                        size_bytes += file.write(chunk)
                with _folder():
                    file.flush()
                    # Or a rename that outlives a power cut could name an empty file.
                    os.fsync(file.fileno())
            with _folder():
                temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        return size_bytes

    def read(self, scope: Scope, key: str) -> Iterator[bytes]:
        """See the port."""
        path = self._root / place_of(scope, key)
        if not path.is_file():
            raise ObjectMissing
        return self._chunks(path)

    def delete(self, scope: Scope, key: str) -> bool:
        """Remove the file."""
        path = self._root / place_of(scope, key)
        with _folder():
            existed = path.is_file()
            path.unlink(missing_ok=True)
        return existed

    def objects(self) -> Iterator[tuple[Scope, str]]:
        """See the port."""
        with _folder():
            for path in self._root.rglob("*"):
                found = object_at(path.relative_to(self._root).as_posix())
                if found is not None and path.is_file():
                    yield found

    def probe(self) -> Probe:
        """Round trip of a small object."""
        return round_trip(self, self._probe_key, f"Make {self._root} writable.")

    def _chunks(self, path: Path) -> Iterator[bytes]:
        with _folder():
            file = path.open("rb")
        with file:
            while True:
                with _folder():
                    chunk = file.read(CHUNK_BYTES)
                if not chunk:
                    return
                yield chunk


@contextmanager
def _folder() -> Iterator[None]:
    """What the file system raises, as the port says it."""
    try:
        yield
    except OSError as exc:
        reason = exc.strerror or type(exc).__name__
        raise StorageAway(retry_after=5, reason=reason) from exc
