"""Keys of providers: sealed in a row, or read from the environment at the moment of use."""

import os
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from gateway.models import Provider
from gateway.ports import NO_SECRET, Secret
from gateway.presets import KINDS
from kernel.crypto import key_id_of, open_sealed, rewrap, ring, seal
from kernel.db import platform_unit
from kernel.errors import Unprocessable

HINT_LETTERS = 4
# A key shorter than this would be mostly told by its hint.
HINT_FROM = 12
KEY_LIMIT = 500


def seal_key(provider_id: UUID, key: str) -> bytes:
    """The key, encrypted for this provider alone."""
    return seal(key, _context(provider_id))


def key_hint(key: str) -> str:
    """The end of the key, for recognising it."""
    return f"…{key[-HINT_LETTERS:]}" if len(key) >= HINT_FROM else "…"


def clean_key(key: str) -> str:
    """The key as it is sent. Raises: Unprocessable (it would break the header it is put into)."""
    key = key.strip()
    if len(key) > KEY_LIMIT or not all("!" <= letter <= "~" for letter in key):
        raise Unprocessable(
            "The key has characters that no key has.",
            errors=[{"pointer": "/api_key", "detail": "printable ASCII without spaces, up to 500"}],
        )
    return key


def key_of(row: Provider) -> Secret:
    """The key of a provider; empty when it has none. Raises: SealBroken."""
    if row.source == Provider.Source.ENVIRONMENT:
        return environment_key(row.kind)
    if row.sealed_key is None:
        return NO_SECRET
    return Secret(open_sealed(bytes(row.sealed_key), _context(row.id)))


def environment_key(kind: str, environ: Mapping[str, str] | None = None) -> Secret:
    """The key in the variable of `kind`, or in the file that `<variable>_FILE` names."""
    environ = os.environ if environ is None else environ
    variable = KINDS[kind].key_variable if kind in KINDS else ""
    if not variable:
        return NO_SECRET
    value = environ.get(variable, "").strip()
    path = environ.get(f"{variable}_FILE", "").strip()
    if not value and path:
        try:
            value = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return NO_SECRET
    return Secret(value)


def _context(provider_id: UUID) -> str:
    return f"gateway.provider:{provider_id}:key"


def rewrap_stored_keys() -> int:
    """Wrap every stored key under the ring's active key (after a rotation). Returns how many.

    Raises: SealBroken when one opens under no key of the ring; then nothing was changed.
    """
    with platform_unit("gateway: key rotation") as alias:
        rows = Provider.objects.using(alias).select_for_update().exclude(sealed_key=None)
        changed = 0
        for row in rows:
            blob = bytes(row.sealed_key or b"")
            if key_id_of(blob) == ring().active_id:
                continue
            row.sealed_key = rewrap(blob, _context(row.id))
            row.save(update_fields=["sealed_key"])
            changed += 1
    return changed
