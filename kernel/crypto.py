"""Envelope encryption of stored secrets, with key rotation (NIST SP 800-57, AES-256-GCM).

A value is sealed with its own random data key; the data key is wrapped by the active key of the
ring. Rotating adds a key in front of the ring and re-wraps data keys; values stay untouched.
Blob: version(1) | key id length(1) | key id | nonce(12) wrapped key(48) | nonce(12) ciphertext+tag.
"""

import os
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from kernel.errors import InternalError

VERSION = 1
_WRAPPED = 12 + 32 + 16


class SealBroken(InternalError):
    """A sealed value cannot be opened: wrong key ring, wrong place, or tampered with."""

    code, title = "seal-broken", "A stored secret cannot be opened"


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Keys by id; the first is active, the others only open older values."""

    keys: dict[str, bytes]

    @property
    def active_id(self) -> str:
        """Id of the key that seals new values."""
        return next(iter(self.keys))

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(self.keys)})"


def ring() -> KeyRing:
    """The ring of this installation (from the configuration)."""
    return KeyRing(settings.SOMA_ENCRYPTION_KEYS)


def seal(plain: str, context: str, keys: KeyRing | None = None) -> bytes:
    """Encrypt `plain`, bound to `context` (e.g. "gateway.provider:<id>:key")."""
    keys = keys or ring()
    data_key = AESGCM.generate_key(256)
    nonce = os.urandom(12)
    sealed = AESGCM(data_key).encrypt(nonce, plain.encode(), context.encode())
    return _wrap(data_key, context, keys) + nonce + sealed


def open_sealed(blob: bytes, context: str, keys: KeyRing | None = None) -> str:
    """Decrypt. Raises: SealBroken."""
    data_key, rest = _unwrap(bytes(blob), context, keys or ring())
    try:
        return AESGCM(data_key).decrypt(rest[:12], rest[12:], context.encode()).decode()
    except InvalidTag as exc:
        raise SealBroken from exc


def rewrap(blob: bytes, context: str, keys: KeyRing | None = None) -> bytes:
    """The same value under the active key. Raises: SealBroken."""
    keys = keys or ring()
    data_key, rest = _unwrap(bytes(blob), context, keys)
    return _wrap(data_key, context, keys) + rest


def key_id_of(blob: bytes) -> str:
    """Id of the ring key that wraps `blob`."""
    blob = bytes(blob)
    return blob[2 : 2 + blob[1]].decode()


def _wrap(data_key: bytes, context: str, keys: KeyRing) -> bytes:
    key_id = keys.active_id.encode()
    nonce = os.urandom(12)
    wrapped = AESGCM(keys.keys[keys.active_id]).encrypt(nonce, data_key, context.encode())
    return bytes([VERSION, len(key_id)]) + key_id + nonce + wrapped


def _unwrap(blob: bytes, context: str, keys: KeyRing) -> tuple[bytes, bytes]:
    if len(blob) < 2 + _WRAPPED or blob[0] != VERSION:
        raise SealBroken
    key = keys.keys.get(key_id_of(blob))
    if key is None:
        raise SealBroken
    start = 2 + blob[1]
    wrapped = blob[start : start + _WRAPPED]
    try:
        data_key = AESGCM(key).decrypt(wrapped[:12], wrapped[12:], context.encode())
    except InvalidTag as exc:
        raise SealBroken from exc
    return data_key, blob[start + _WRAPPED :]
