"""Lock-out: 5 failures in 15 minutes for an account from an address, 30 for an address.

Keyed by both, so that nobody can lock a colleague out from elsewhere; counted for accounts that do
not exist as well, so that the answer tells nothing.
"""

import hashlib
from datetime import datetime, timedelta

from django.db.models import Max

from kernel.clock import now
from kernel.db import platform_unit
from saas.errors import LockedOut
from saas.models import SignInAttempt

WINDOW = timedelta(minutes=15)
PER_ACCOUNT = 5
PER_ADDRESS = 30


def account_key(email: str) -> str:
    """Digest of the normalised e-mail: the table holds no addresses of strangers."""
    return hashlib.sha256(email.strip().lower().encode("utf-8", "surrogatepass")).hexdigest()


def refuse_if_locked(account: str, address: str) -> None:
    """Raises: LockedOut with the seconds that are left."""
    since = now() - WINDOW
    recent = SignInAttempt.objects.filter(address=address, at__gt=since)
    last_success = recent.filter(account=account, succeeded=True).aggregate(at=Max("at"))["at"]
    failures = recent.filter(account=account, succeeded=False)
    if last_success is not None:
        failures = failures.filter(at__gt=last_success)
    times = list(failures.order_by("-at").values_list("at", flat=True)[:PER_ACCOUNT])
    if len(times) >= PER_ACCOUNT:
        raise LockedOut(retry_after=_seconds_left(times[-1]))
    times = list(
        recent.filter(succeeded=False).order_by("-at").values_list("at", flat=True)[:PER_ADDRESS]
    )
    if len(times) >= PER_ADDRESS:
        raise LockedOut(retry_after=_seconds_left(times[-1]))


def record(account: str, address: str, *, succeeded: bool) -> None:
    """Remember the outcome of a try."""
    SignInAttempt.objects.create(account=account, address=address, succeeded=succeeded)


def forget_old() -> int:
    """Delete attempts past the window. Returns how many."""
    with platform_unit("sign-in attempt retention") as alias:
        old = SignInAttempt.objects.using(alias).filter(at__lt=now() - 4 * WINDOW)
        return old.delete()[0]


def _seconds_left(oldest: datetime) -> int:
    left = (oldest + WINDOW - now()).total_seconds()
    return max(1, round(left))
