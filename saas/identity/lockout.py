"""Lock-out: 5 failures in 15 minutes for an account from an address; 30 an address; 100 a network.

Keyed by account and address, so that nobody can lock a colleague out from elsewhere; counted for
accounts that do not exist as well, so that the answer tells nothing. Who goes on after a lock-out
waits twice as long the next time, up to two hours.
"""

import hashlib
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from django.db.models import Max, QuerySet

from kernel.clock import now
from kernel.db import platform_unit
from saas.errors import LockedOut
from saas.models import SignInAttempt

WINDOW = timedelta(minutes=15)
PER_ACCOUNT = 5
PER_ADDRESS = 30
PER_NETWORK = 100
# Sign-ins that were begun at a provider: a whole company may come from one address.
BEGUN_PER_ADDRESS = 100
BEGUN_PER_NETWORK = 300
# Back-off: lock-outs of the last day count, the fourth one is the longest.
MEMORY = timedelta(days=1)
LONGEST_DOUBLINGS = 3
# Attempts are also what a person sees as the history of sign-ins.
KEPT = timedelta(days=30)


def account_key(email: str) -> str:
    """Digest of the normalised e-mail: the table holds no addresses of strangers."""
    return hashlib.sha256(email.strip().lower().encode("utf-8", "surrogatepass")).hexdigest()


def network_of(address: str) -> str:
    """The /24 or /64 that an address belongs to; itself when it is none."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:64]
    prefix = 24 if parsed.version == 4 else 64
    return str(ip_network(f"{parsed}/{prefix}", strict=False))


def refuse_if_locked(account: str, address: str) -> None:
    """Raises: LockedOut with the seconds that are left."""
    here = SignInAttempt.objects.filter(address=address, at__gt=now() - MEMORY)
    ours = here.filter(account=account)
    last_success = ours.filter(succeeded=True).aggregate(at=Max("at"))["at"]
    if last_success is not None:
        ours = ours.filter(at__gt=last_success)
    _refuse_guesses(_failures(ours))
    network = SignInAttempt.objects.filter(network=network_of(address))
    for attempts, limit in ((here, PER_ADDRESS), (network, PER_NETWORK)):
        recent = attempts.filter(succeeded=False, at__gt=now() - WINDOW)
        times = list(recent.order_by("-at").values_list("at", flat=True)[:limit])
        if len(times) >= limit:
            raise LockedOut(retry_after=_seconds_until(times[-1] + WINDOW))


def refuse_flood(kind: str, address: str) -> None:
    """Count an act of somebody unknown that costs us a row. Raises: LockedOut.

    By itself: whoever begins often is not kept from signing in.
    """
    acts = SignInAttempt.objects.filter(account=account_key(kind), at__gt=now() - WINDOW)
    for column, value, limit in (
        ("address", address, BEGUN_PER_ADDRESS),
        ("network", network_of(address), BEGUN_PER_NETWORK),
    ):
        times = acts.filter(**{column: value}).order_by("-at").values_list("at", flat=True)
        found = list(times[:limit])
        if len(found) >= limit:
            raise LockedOut(retry_after=_seconds_until(found[-1] + WINDOW))
    record(account_key(kind), address, succeeded=True)


def record(account: str, address: str, *, succeeded: bool, agent: str = "") -> None:
    """Remember the outcome of a try."""
    SignInAttempt.objects.create(
        account=account,
        address=address,
        network=network_of(address),
        user_agent=agent[:300],
        succeeded=succeeded,
    )


def forget_old() -> int:
    """Delete attempts past their time. Returns how many."""
    with platform_unit("sign-in attempt retention") as alias:
        old = SignInAttempt.objects.using(alias).filter(at__lt=now() - KEPT)
        return old.delete()[0]


def _failures(attempts: QuerySet[SignInAttempt]) -> list[datetime]:
    most = PER_ACCOUNT * (LONGEST_DOUBLINGS + 1)
    failed = attempts.filter(succeeded=False).order_by("-at")
    return list(failed.values_list("at", flat=True)[:most])


def _refuse_guesses(times: list[datetime]) -> None:
    """`times`: of failures, newest first."""
    if len(times) < PER_ACCOUNT or times[0] - times[PER_ACCOUNT - 1] > WINDOW:
        return
    doublings = min(len(times) // PER_ACCOUNT - 1, LONGEST_DOUBLINGS)
    # From the oldest of the five the first time: the window that they fell into.
    oldest = times[PER_ACCOUNT - 1] if doublings == 0 else times[0]
    until = oldest + WINDOW * 2**doublings
    if until > now():
        raise LockedOut(retry_after=_seconds_until(until))


def _seconds_until(moment: datetime) -> int:
    return max(1, round((moment - now()).total_seconds()))
