"""Passwords: argon2id, memory and passes as RFC 9106's second choice (section 4), in one lane.

Lanes divide the same work: they shorten the wait of who signs in, and of who guesses. One lane, as
OWASP's password storage cheat sheet has it, takes a core and never all of them from those at work.

No composition rules (NIST SP 800-63B-4, section 3.1.1.2): length, and a list of common passwords.
"""

import os
import secrets
import string
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from django.contrib.auth.password_validation import CommonPasswordValidator

from saas.errors import WeakPassword

MIN_LENGTH = 12
MAX_LENGTH = 1000
# Long ones that Django's list, made of short passwords, does not lead to.
COMMON_LONG = frozenset(
    {
        "passw0rdpassw0rd", "qwertyuiopas", "correcthorsebatterystaple", "1q2w3e4r5t6y",
        "zaq12wsxcde3", "abcdefghijkl", "somaagent", "welcome", "administrator",
    }
)  # fmt: skip
# No argon2id string: no password fits.
NO_PASSWORD = "!"  # noqa: S105
_ALPHABET = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_TRIMMINGS = string.digits + string.punctuation + " "

_hasher = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)  # KiB
# 64 MiB and a core each: a burst of sign-ins leaves half of the cores to those who are at work, and
# gives way to them on the others.
_AT_ONCE = max(1, (os.cpu_count() or 2) // 2)
_NICE = 15


def hash_password(password: str) -> str:
    """PHC string (some 200 ms of one core by design). Never on the event loop."""
    return _thread().submit(_hasher.hash, password).result()


def verify(password_hash: str | None, password: str) -> bool:
    """Constant work whether or not there is a hash, so that time tells nothing."""
    if len(password) > MAX_LENGTH:
        # Says nothing of the account: nobody has one this long.
        return False
    try:
        # asvs: 6.2.8
        _thread().submit(_hasher.verify, password_hash or _nobody(), password).result()
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def is_outdated(password_hash: str) -> bool:
    """Whether a password that fits should be hashed anew, with today's parameters."""
    return _hasher.check_needs_rehash(password_hash)


def check_strength(password: str, email: str) -> None:
    """Raises: WeakPassword saying what is accepted."""
    # asvs: 6.2.5, 6.2.9, 6.2.11
    if len(password) < MIN_LENGTH:
        raise WeakPassword(f"Use at least {MIN_LENGTH} characters; a short sentence is fine.")
    if len(password) > MAX_LENGTH:
        raise WeakPassword(f"Use at most {MAX_LENGTH} characters.")
    lowered, known = password.lower(), email.lower()
    if is_common(lowered) or lowered in {known, known.partition("@")[0]}:
        raise WeakPassword("This password is among the first that an attacker tries.")


def is_common(lowered: str) -> bool:
    """Whether it is a common password, one repeated, or one with digits and signs around it."""
    stem = lowered.strip(_TRIMMINGS)
    unit = _unit(lowered)
    return (
        len(set(lowered)) < 4
        or not _common().isdisjoint({lowered, stem, _unit(stem), unit})
        # Nothing but digits and signs, of which the list has the short ones only.
        or (not stem and lowered.isdigit())
    )


def one_time_password() -> str:
    """95 bits from unmistakable letters, in groups for reading aloud."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(16))
    return "-".join(letters[start : start + 4] for start in range(0, 16, 4))


def _unit(text: str) -> str:
    """The shortest piece whose repetition gives `text`."""
    at = (text + text).find(text, 1)
    return text[:at] if text else ""


@cache
def _common() -> frozenset[str]:
    # The list that comes with Django (BSD-3-Clause): the 20,000 commonest of public leaks.
    return frozenset(CommonPasswordValidator().passwords) | COMMON_LONG


@cache
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_AT_ONCE, "soma-password", _give_way)


def _give_way() -> None:
    # On Linux a thread has a priority of its own.
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


@cache
def _nobody() -> str:
    return hash_password(secrets.token_urlsafe(16))
