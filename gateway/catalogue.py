"""The models that can be chosen now: a snapshot of the tables, kept for a second.

Read on every turn, changed a few times a year. Any thread may ask; a race costs a second query at
worst. Holds keys in memory, as `Secret`s; never yields a row.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from uuid import UUID

import structlog
from django.db import connections
from django.db.models import QuerySet

from gateway.errors import NoModelConfigured
from gateway.hosting import ON_OWN_MACHINES, is_own
from gateway.keys import key_of
from gateway.ledger.metrics import Rate
from gateway.models import Model
from gateway.ports import Endpoint, Secret
from gateway.presets import KINDS
from gateway.traits import traits_of
from kernel.clock import monotonic_s
from kernel.crypto import SealBroken
from kernel.db import platform_unit
from saas.facade import is_enterprise

FRESH_FOR_S = 1.0
# Where every change is told at once, this only bounds what a lost message could cost.
FOLLOWED_FOR_S = 30.0
CHANGED_TOPIC = "gateway.catalogue"
# Any number that nothing else locks.
CATALOGUE_LOCK = 7_360_002

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Usable endpoints by model id, and the one that is taken when none is named."""

    endpoints: dict[UUID, Endpoint]
    default: Endpoint | None
    taken_at: float
    # By the model's own name, and by "<provider>/<name>"; the default model first, then by age.
    by_name: dict[str, list[Endpoint]]
    # The same for the same contents, in every process.
    digest: str


class Catalogue:
    """Gives endpoints. `clock`: monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = monotonic_s) -> None:
        self._clock = clock
        self._snapshot: Snapshot | None = None
        self._fresh_for_s = FRESH_FOR_S
        self._changes = 0

    def choose(self, model_id: UUID | None) -> Endpoint:
        """The endpoint of `model_id`; of the default model when it is None or not usable now.

        Raises: NoModelConfigured.
        """
        chosen = _chosen(self._fresh(), model_id)
        if chosen is None:
            raise NoModelConfigured("A platform admin can add one on the page Models.")
        return chosen

    def current(self) -> Snapshot:
        """What can be chosen now; reads rows when that is not known."""
        return self._fresh()

    def known(self) -> Snapshot | None:
        """The same without reading a row; None when it would have to."""
        return self._remembered()

    def forget(self) -> None:
        """The tables changed: read them again."""
        self._changes += 1
        self._snapshot = None

    def is_told(self) -> None:
        """From now on `forget` is called at every change, wherever it is made."""
        self._fresh_for_s = FOLLOWED_FOR_S

    def _remembered(self) -> Snapshot | None:
        snapshot = self._snapshot
        if snapshot is None or self._clock() - snapshot.taken_at >= self._fresh_for_s:
            return None
        return snapshot

    def _fresh(self) -> Snapshot:
        snapshot = self._remembered()
        if snapshot is None:
            changes = self._changes
            snapshot = _take(self._clock())
            # What was read while a change was told may be older than it.
            self._snapshot = snapshot if changes == self._changes else None
        return snapshot


def _chosen(snapshot: Snapshot, model_id: UUID | None) -> Endpoint | None:
    found = snapshot.endpoints.get(model_id) if model_id is not None else None
    return found or snapshot.default


def _take(now: float) -> Snapshot:
    rows = usable_models().order_by("-is_default", "created_at", "id")
    endpoints: dict[UUID, Endpoint] = {}
    for row in rows:
        endpoint = endpoint_of(row)
        if endpoint is not None:
            endpoints[row.id] = endpoint
    by_name: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints.values():
        for name in (endpoint.model, f"{endpoint.provider_name}/{endpoint.model}"):
            by_name.setdefault(name, []).append(endpoint)
    facts = [
        (one.model_id, one.rates, sorted(one.traits.capabilities), one.traits.tier,
         one.traits.region, one.window, one.self_hosted, one.model, one.provider_name)
        for one in endpoints.values()
    ]  # fmt: skip
    digest = blake2b(repr(facts).encode(), digest_size=8).hexdigest()
    return Snapshot(endpoints, next(iter(endpoints.values()), None), now, by_name, digest)


def usable_models(alias: str | None = None) -> QuerySet[Model]:
    """Models that may be chosen, with their providers."""
    found = (
        Model.objects.using(alias)
        .select_related("provider")
        .prefetch_related("prices")
        .filter(enabled=True, provider__enabled=True, provider__is_present=True)
    )
    return found.filter(ON_OWN_MACHINES) if is_enterprise() else found


@contextmanager
def writing(reason: str) -> Iterator[str]:
    """A platform unit in which nobody else writes the catalogue. Yields the alias.

    Without the lock two first providers would both become the default, and two processes that
    start together would both insert what the environment names.
    """
    with platform_unit(f"gateway: {reason}") as alias:
        with connections[alias].cursor() as cursor:
            cursor.execute("select pg_advisory_xact_lock(%s)", [CATALOGUE_LOCK])
        yield alias


def endpoint_of(row: Model) -> Endpoint | None:
    """Where the model is; None when it cannot be used.

    Kind gone, key gone or unreadable, or outside while only providers of one's own may be asked.
    """
    provider = row.provider
    kind = KINDS.get(provider.kind)
    if kind is None or (is_enterprise() and not is_own(provider)):
        return None
    key = _usable_key(row)
    if key is None or (kind.needs_key and not key):
        return None
    # The library behind the other wire knows its providers' own addresses better.
    own_address = kind.default_base_url or "" if kind.wire == "openai" else ""
    return Endpoint(
        base_url=provider.base_url or own_address,
        api_key=key,
        kind=provider.kind,
        model=row.name,
        window=row.window,
        output_limit=row.output_limit,
        display_name=row.display_name,
        model_id=row.id,
        provider_id=provider.id,
        provider_name=provider.name,
        # Providers are set by platform admins, who may mean a server in their own network.
        allow_private=True,
        rates=_rates(row),
        self_hosted=is_own(provider),
        traits=traits_of(row.name, row.capabilities, row.tier, row.region),
    )


def _rates(row: Model) -> tuple[Rate, ...]:
    if row._state.adding:  # noqa: SLF001  # a model that is tried before it is stored
        return ()
    prices = sorted(row.prices.all(), key=lambda price: price.valid_from, reverse=True)
    return tuple(
        Rate(price.valid_from, price.input_micros, price.cached_micros, price.output_micros)
        for price in prices
    )


def _usable_key(row: Model) -> Secret | None:
    try:
        return key_of(row.provider)
    except SealBroken:
        # One lost key must not take the other models away.
        log.warning("gateway.key_unreadable", provider_id=str(row.provider_id))
        return None
