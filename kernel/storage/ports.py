"""The storage port: opaque objects under (tenant, key)."""

import re
from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO, Protocol
from uuid import UUID

from kernel.actor import Scope
from kernel.clock import monotonic_s
from kernel.errors import BadRequest, NotFound, SomaError, Unavailable
from kernel.ports import Port, Probe

CHUNK_BYTES = 256 * 1024
# S3 takes names of 1,024 bytes; a prefix and the tenant are before the key.
KEY_LIMIT = 800
_SAFE_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
# Of no tenant: what probes write.
_NOBODY = Scope(UUID(int=0))


class ObjectMissing(NotFound):
    """No such object in this tenant."""

    code, title = "object-missing", "This file is not here"


class UnsafeKey(BadRequest):
    """The key could leave its tenant's folder."""

    code, title = "unsafe-key", "This name cannot be used for a file"


class StorageAway(Unavailable):
    """Files cannot be written or read now; the same call may work later. Data: reason."""

    code, title = "storage-away", "The file storage is not available at the moment"


class StorageRefused(StorageAway):
    """The storage answers and takes no requests of ours: key, bucket or right is wrong."""

    code, title = "storage-refused", "The file storage does not accept this installation"


class Storage(Protocol):
    """Contract: put is atomic (readers see the old or the whole new object), keys are opaque.

    A key is parts of letters, digits, dots, dashes and underlines, joined by slashes, and is never
    the first parts of another. Whole objects are never held in memory. What reading `content`
    raises is handed on, and nothing is stored. Every method raises UnsafeKey and StorageAway.
    """

    def put(self, scope: Scope, key: str, content: BinaryIO) -> int:
        """Store; returns size in bytes."""
        ...

    def read(self, scope: Scope, key: str) -> Iterator[bytes]:
        """The content in chunks of at most 256 KiB. Raises: ObjectMissing, at once."""
        ...

    def delete(self, scope: Scope, key: str) -> bool:
        """Remove; False when there was nothing."""
        ...

    def objects(self) -> Iterator[tuple[Scope, str]]:
        """Every tenant and key, in no order; what others put beside them is passed over."""
        ...

    def probe(self) -> Probe:
        """Write, read and delete a probe object."""
        ...


STORAGE: Port[Storage] = Port("storage")


def place_of(scope: Scope, key: str) -> str:
    """`<tenant>/<key>`, which leads nowhere else. Raises: UnsafeKey."""
    if not _is_safe(key):
        raise UnsafeKey
    return f"{scope.tenant_id}/{key}"


def object_at(place: str) -> tuple[Scope, str] | None:
    """What `place_of` made `place` from; None when it did not, or for a probe."""
    tenant, _, key = place.partition("/")
    try:
        scope = Scope(UUID(tenant))
    except ValueError:
        return None
    if scope == _NOBODY or not _is_safe(key) or place_of(scope, key) != place:
        return None
    return scope, key


def _is_safe(key: str) -> bool:
    return len(key) <= KEY_LIMIT and all(map(_SAFE_PART.fullmatch, key.split("/")))


def round_trip(storage: Storage, key: str, advice: str) -> Probe:
    """What a probe does. `key`: of this process alone, so that two cannot meet."""
    started = monotonic_s()
    try:
        storage.put(_NOBODY, key, BytesIO(b"probe"))
        ok = b"".join(storage.read(_NOBODY, key)) == b"probe"
        storage.delete(_NOBODY, key)
    except SomaError as exc:
        reason = exc.data.get("reason")
        detail = f"{exc.detail}: {reason}" if reason else exc.detail
        return Probe(ok=False, detail=detail, advice=advice)
    return Probe(ok=ok, latency_ms=(monotonic_s() - started) * 1000)
