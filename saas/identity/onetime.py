"""Secrets that work once: made, looked at, redeemed, forgotten. Kept as digests."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from django.db import connection

from kernel.clock import now
from kernel.db import platform_unit
from saas.identity.models import OneTimeSecret

Purpose = Literal[
    "reset", "email-change", "registration", "second-factor", "passkey", "code", "sso"
]

_SPEND = """
update saas_onetimesecret set used_at = %s
where digest = %s and purpose = %s and used_at is null and expires_at > %s
returning user_id
"""


@dataclass(frozen=True, slots=True)
class Known:
    """What a valid secret stands for."""

    digest: str
    user_id: UUID | None
    data: dict[str, Any]
    is_used: bool


def digest(secret: str) -> str:
    """SHA-256 of a random secret (no salt needed: 256 bits of entropy)."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def issue(purpose: Purpose, life: timedelta, user_id: UUID | None = None, **data: Any) -> str:
    """A new secret; only its holder has it."""
    secret = secrets.token_urlsafe(32)
    OneTimeSecret.objects.create(
        digest=digest(secret),
        purpose=purpose,
        user_id=user_id,
        data=data,
        expires_at=now() + life,
    )
    return secret


def look(purpose: Purpose, secret: str) -> Known | None:
    """What it stands for; None when unknown or out of time. It may be used already."""
    row = OneTimeSecret.objects.filter(
        digest=digest(secret), purpose=purpose, expires_at__gt=now()
    ).first()
    if row is None:
        return None
    return Known(row.digest, row.user_id, row.data, row.used_at is not None)


def spend(purpose: Purpose, secret: str) -> Known | None:
    """The same, once: of two who come at the same time one gets None."""
    found = look(purpose, secret)
    moment = now()
    with connection.cursor() as cursor:
        cursor.execute(_SPEND, [moment, digest(secret), purpose, moment])
        return found if cursor.fetchone() is not None else None


def revoke(purpose: Purpose, user_id: UUID) -> None:
    """End what a person has open for a purpose."""
    OneTimeSecret.objects.filter(purpose=purpose, user_id=user_id, used_at=None).delete()


def forget_old() -> int:
    """Delete those out of time. Returns how many."""
    with platform_unit("one-time secret retention") as alias:
        return OneTimeSecret.objects.using(alias).filter(expires_at__lt=now()).delete()[0]
