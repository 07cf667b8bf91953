"""The storage port: opaque objects under (tenant, key)."""

from collections.abc import Iterator
from typing import BinaryIO, Protocol

from kernel.actor import Scope
from kernel.errors import BadRequest, NotFound
from kernel.ports import Port, Probe


class ObjectMissing(NotFound):
    """No such object in this tenant."""

    code, title = "object-missing", "This file is not here"


class UnsafeKey(BadRequest):
    """The key could leave its tenant's folder."""

    code, title = "unsafe-key", "This name cannot be used for a file"


class Storage(Protocol):
    """Contract: put is atomic (readers see the old or the whole new object), keys are opaque."""

    def put(self, scope: Scope, key: str, content: BinaryIO) -> int:
        """Store; returns size in bytes. Raises: UnsafeKey."""
        ...

    def read(self, scope: Scope, key: str) -> Iterator[bytes]:
        """The content in chunks. Raises: ObjectMissing, UnsafeKey."""
        ...

    def delete(self, scope: Scope, key: str) -> bool:
        """Remove; False when there was nothing."""
        ...

    def probe(self) -> Probe:
        """Write, read and delete a probe object."""
        ...


STORAGE: Port[Storage] = Port("storage")
