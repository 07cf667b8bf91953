"""Safe repeats: the same key from the same person gives the same result, once in effect.

Source: the IETF draft "The Idempotency-Key HTTP Header Field".
"""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import connection

from kernel.actor import Actor
from kernel.clock import now
from kernel.db import platform_unit
from kernel.errors import Unprocessable
from kernel.models import IdempotencyRecord

RETENTION = timedelta(hours=24)


class IdempotencyMismatch(Unprocessable):
    """The key was used before for a different request."""

    code, title = "idempotency-mismatch", "This key belongs to another request"


def once(
    actor: Actor,
    operation: str,
    key: str | None,
    request: dict[str, Any],
    work: Callable[[], dict[str, Any]],
) -> dict[str, Any]:
    """Run `work` unless `key` did before; its JSON result is kept for 24 hours.

    Must run inside a unit of work; concurrent repeats wait for the first by an advisory lock.
    Raises: IdempotencyMismatch.
    """
    if key is None:
        return work()
    digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_advisory_xact_lock(737, hashtext(%s))",
            [f"{actor.user_id}:{operation}:{key}"],
        )
    known = IdempotencyRecord.objects.filter(
        user_id=actor.user_id, operation=operation, key=key, expires_at__gt=now()
    ).first()
    if known is not None:
        if known.request_digest != digest:
            raise IdempotencyMismatch
        result: dict[str, Any] = known.result
        return result
    IdempotencyRecord.objects.filter(user_id=actor.user_id, operation=operation, key=key).delete()
    result = work()
    IdempotencyRecord.objects.create(
        user_id=actor.user_id,
        operation=operation,
        key=key,
        request_digest=digest,
        result=result,
        expires_at=now() + RETENTION,
    )
    return result


def forget_expired() -> int:
    """Delete records past their retention. Returns how many."""
    with platform_unit("idempotency retention"):
        return IdempotencyRecord.objects.filter(expires_at__lt=now()).delete()[0]
