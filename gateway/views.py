"""What the verbs return of providers and models: values without secrets."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from gateway.hosting import is_own
from gateway.models import Model, Provider
from gateway.traits import CAPABILITIES, Tier, traits_of


@dataclass(frozen=True, slots=True)
class ModelView:
    """A model as everyone may see it."""

    id: UUID
    name: str
    display_name: str
    provider_id: UUID
    provider_name: str
    window: int
    output_limit: int
    is_default: bool
    capabilities: list[str]
    tier: Tier
    region: str
    self_hosted: bool


@dataclass(frozen=True, slots=True)
class ProviderView:
    """A provider as platform admins see it. `enabled`: switched on and, if found, still there."""

    id: UUID
    name: str
    kind: str
    base_url: str | None
    has_key: bool
    key_hint: str | None
    source: str
    enabled: bool
    self_hosted: bool
    models: tuple[ModelView, ...]


@dataclass(frozen=True, slots=True)
class KindView:
    """A preset of the add-provider form."""

    kind: str
    title: str
    default_base_url: str | None
    needs_key: bool
    self_hosted: bool


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What became of one token. `problem`: a problem object when not ok."""

    ok: bool
    latency_ms: float | None
    first_token_ms: float | None
    problem: dict[str, Any] | None


def model_view(row: Model) -> ModelView:
    """From a row with its provider."""
    traits = traits_of(row.name, row.capabilities, row.tier, row.region)
    return ModelView(
        row.id,
        row.name,
        row.display_name,
        row.provider_id,
        row.provider.name,
        row.window,
        row.output_limit,
        row.is_default,
        [name for name in CAPABILITIES if name in traits.capabilities],
        traits.tier,
        traits.region,
        is_own(row.provider),
    )


def provider_view(row: Provider, *, has_key: bool) -> ProviderView:
    """From a row with its models."""
    return ProviderView(
        row.id,
        row.name,
        row.kind,
        row.base_url or None,
        has_key,
        row.key_hint or None,
        row.source,
        row.is_usable,
        is_own(row),
        tuple(model_view(model) for model in sorted(row.models.all(), key=lambda it: it.id)),
    )
