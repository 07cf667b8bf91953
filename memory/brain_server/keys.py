"""Keys of the brain's service: issuing, revoking, and telling whose a token is.

A token is `sbk_<id>_<secret>`; the secret has 256 random bits, so a plain SHA-256 is enough, and
it is compared in constant time.  A key that was revoked stops working within CACHE_S.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from uuid import UUID

from kernel.clock import monotonic_s, now
from kernel.db import platform_unit
from kernel.errors import NotFound
from memory.brain_server.models import BrainKey

PREFIX = "sbk"
CACHE_S = 5.0
_MAX_CACHED = 1_000
_SECRET_BYTES = 32


class NoSuchKey(NotFound):
    """There is no key with this id."""

    code, title = "no-such-brain-key", "There is no such key"


@dataclass(frozen=True, slots=True)
class Credential:
    """Who calls: the key, and the one tenant that it opens; None opens any (platform key)."""

    key_id: UUID
    tenant_id: UUID | None


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key; `token` is shown once and kept nowhere."""

    key_id: UUID
    token: str


@dataclass(frozen=True, slots=True)
class _Known:
    """A key as the last look found it; `digest` None when there was none."""

    digest: bytes | None
    tenant_id: UUID | None
    until_s: float


_cache: dict[UUID, _Known] = {}


def issue(name: str, tenant_id: UUID | None) -> IssuedKey:
    """Make a key for one tenant, or for the platform."""
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    with platform_unit("brain keys") as alias:
        key = BrainKey.objects.using(alias).create(
            tenant_id=tenant_id, name=name[:100], digest=_digest(secret)
        )
    return IssuedKey(key.id, f"{PREFIX}_{key.id.hex}_{secret}")


def revoke(key_id: UUID) -> None:
    """End a key.  Raises: NoSuchKey."""
    with platform_unit("brain keys") as alias:
        rows = BrainKey.objects.using(alias).filter(id=key_id, revoked_at__isnull=True)
        if not rows.update(revoked_at=now()):
            raise NoSuchKey


def listed() -> list[BrainKey]:
    """Return all keys, the newest first."""
    with platform_unit("brain keys") as alias:
        return list(BrainKey.objects.using(alias).order_by("-created_at"))


def authenticate(token: str) -> Credential | None:
    """Return whose token this is; None when it is nobody's."""
    prefix, _, rest = token.partition("_")
    written, _, secret = rest.partition("_")
    if prefix != PREFIX or not secret:
        return None
    try:
        key_id = UUID(hex=written)
    except ValueError:
        return None
    known = _look_up(key_id)
    # Compared also without a key, so that the time tells nothing about which ids exist.
    is_right = hmac.compare_digest(known.digest or bytes(32), _digest(secret))
    if known.digest is None or not is_right:
        return None
    return Credential(key_id, known.tenant_id)


def _look_up(key_id: UUID) -> _Known:
    known = _cache.get(key_id)
    if known is not None and known.until_s > monotonic_s():
        return known
    row = BrainKey.objects.filter(id=key_id, revoked_at__isnull=True).first()
    until_s = monotonic_s() + CACHE_S
    if row is None:
        # Unknown ids are not kept: whoever guesses must not fill the cache.
        _cache.pop(key_id, None)
        return _Known(None, None, until_s)
    if len(_cache) >= _MAX_CACHED:
        _cache.clear()
    found = _Known(bytes(row.digest), row.tenant_id, until_s)
    _cache[key_id] = found
    return found


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
