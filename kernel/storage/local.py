"""Storage in a folder of this machine: `<root>/<tenant>/<key>`."""

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from kernel.actor import Scope
from kernel.clock import monotonic_s
from kernel.ids import uuid7
from kernel.ports import Probe
from kernel.storage.ports import ObjectMissing, UnsafeKey

CHUNK_BYTES = 256 * 1024
_SAFE_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")


class LocalStorage:
    """The embedded adapter."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, scope: Scope, key: str, content: BinaryIO) -> int:
        """Write to a temporary name, then rename, so that a crash leaves no half object."""
        path = self._path(scope, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{uuid7()}")
        size_bytes = 0
        try:
            with temporary.open("wb") as file:
                while chunk := content.read(CHUNK_BYTES):
                    size_bytes += file.write(chunk)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        return size_bytes

    def read(self, scope: Scope, key: str) -> Iterator[bytes]:
        """Chunks of at most 256 KiB."""
        path = self._path(scope, key)
        if not path.is_file():
            raise ObjectMissing
        return self._chunks(path)

    def delete(self, scope: Scope, key: str) -> bool:
        """Remove the file."""
        path = self._path(scope, key)
        existed = path.is_file()
        path.unlink(missing_ok=True)
        return existed

    def probe(self) -> Probe:
        """Round trip of a small object."""
        started = monotonic_s()
        scope = Scope(UUID(int=0))
        try:
            self.put(scope, "probe", BytesIO(b"probe"))
            ok = b"".join(self.read(scope, "probe")) == b"probe"
            self.delete(scope, "probe")
        except OSError as exc:
            return Probe(ok=False, detail=exc.strerror or "", advice=f"Make {self._root} writable.")
        return Probe(ok=ok, latency_ms=(monotonic_s() - started) * 1000)

    def _path(self, scope: Scope, key: str) -> Path:
        parts = key.split("/")
        if not all(_SAFE_PART.fullmatch(part) for part in parts):
            raise UnsafeKey
        return self._root.joinpath(str(scope.tenant_id), *parts)

    def _chunks(self, path: Path) -> Iterator[bytes]:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
