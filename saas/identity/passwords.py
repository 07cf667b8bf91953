"""Passwords: argon2id with the recommended parameters (RFC 9106, section 4, second choice)."""

import secrets
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from saas.errors import WeakPassword

MIN_LENGTH = 12
MAX_LENGTH = 1000
# The commonest long passwords of public leak statistics; no composition rules (NIST SP 800-63B).
COMMON = frozenset(
    {
        "123456789012", "1234567890123", "12345678910", "111111111111", "000000000000",
        "password1234", "password12345", "passwordpassword", "passw0rdpassw0rd", "qwertyuiop12",
        "qwertyuiopas", "qwertyuiop123", "qwerty123456", "iloveyouiloveyou", "administrator",
        "adminadminadmin", "letmeinletmein", "changemechangeme", "welcome12345", "abcdefghijkl",
        "abc123abc123", "correcthorsebatterystaple", "1q2w3e4r5t6y", "zaq12wsxcde3",
        "somaagent1234",
    }
)  # fmt: skip
_ALPHABET = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"

_hasher = PasswordHasher()


def hash_password(password: str) -> str:
    """PHC string (about 50 ms of work by design)."""
    return _hasher.hash(password)


def verify(password_hash: str | None, password: str) -> bool:
    """Constant work whether or not there is a hash, so that time tells nothing."""
    try:
        _hasher.verify(password_hash or _nobody(), password[:MAX_LENGTH])
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def check_strength(password: str, email: str) -> None:
    """Raises: WeakPassword saying what is accepted."""
    if len(password) < MIN_LENGTH:
        raise WeakPassword(f"Use at least {MIN_LENGTH} characters; a short sentence is fine.")
    if len(password) > MAX_LENGTH:
        raise WeakPassword(f"Use at most {MAX_LENGTH} characters.")
    lowered = password.lower()
    if lowered in COMMON or len(set(lowered)) < 4 or lowered in {email, email.partition("@")[0]}:
        raise WeakPassword("This password is among the first that an attacker tries.")


def one_time_password() -> str:
    """95 bits from unmistakable letters, in groups for reading aloud."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(16))
    return "-".join(letters[start : start + 4] for start in range(0, 16, 4))


@lru_cache(maxsize=1)
def _nobody() -> str:
    return _hasher.hash(secrets.token_urlsafe(16))
