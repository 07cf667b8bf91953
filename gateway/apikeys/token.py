"""The secret of a key: `soma_sk_`, 40 random letters, 6 letters of checksum. Pure.

The fixed beginning and the checksum let secret scanners tell a leaked key from noise, and let us
refuse noise without asking the database. Source: GitHub's token format (behind-the-scenes of 2021):
CRC-32 in base 62 over what comes before it.
"""

import hashlib
import secrets
import zlib
from typing import Literal, get_args

BEGINNING = "soma_sk_"
RANDOM_LETTERS = 40
CHECK_LETTERS = 6
SHOWN_LETTERS = len(BEGINNING) + 6
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

Scope = Literal["chat", "embeddings", "models", "agents"]
SCOPES: tuple[Scope, ...] = get_args(Scope)


def new_secret() -> str:
    """A secret of 238 random bits."""
    body = BEGINNING + "".join(secrets.choice(LETTERS) for _ in range(RANDOM_LETTERS))
    return body + _check(body)


def is_well_formed(secret: str) -> bool:
    """Whether it may be one of ours."""
    expected = len(BEGINNING) + RANDOM_LETTERS + CHECK_LETTERS
    if len(secret) != expected or not secret.startswith(BEGINNING) or not secret.isascii():
        return False
    return secret.endswith(_check(secret[:-CHECK_LETTERS]))


def digest(secret: str) -> str:
    """What is stored. No salt: the secret is random."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def shown(secret: str) -> str:
    """The beginning, for recognising it."""
    return secret[:SHOWN_LETTERS]


def _check(body: str) -> str:
    number = zlib.crc32(body.encode())
    letters = ""
    for _ in range(CHECK_LETTERS):
        number, rest = divmod(number, len(LETTERS))
        letters = LETTERS[rest] + letters
    return letters
