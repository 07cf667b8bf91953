"""Shapes of the gateway's operations at the HTTP edge."""

from typing import Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import Field

from gateway.drafts import ModelDraft, ProviderChange, ProviderDraft
from gateway.traits import Capability, Tier


class ModelIn(Schema):
    """A model of a provider; what is left out is filled in from what is known of it."""

    name: str = Field(max_length=200)
    display_name: str | None = Field(None, max_length=200)
    window: int | None = Field(None, ge=1, le=100_000_000)
    output_limit: int | None = Field(None, ge=1, le=100_000_000)

    def draft(self) -> ModelDraft:
        """As the verb takes it."""
        return ModelDraft(self.name, self.display_name, self.window, self.output_limit)


class ProviderIn(Schema):
    """A new provider."""

    name: str = Field(max_length=100)
    kind: str = Field(max_length=40)
    base_url: str | None = Field(None, max_length=500)
    api_key: str | None = Field(None, max_length=1000)
    models: list[ModelIn] = Field(default_factory=list, max_length=100)
    self_hosted: bool | None = Field(
        None, description="It runs on machines of one's own; null: as its kind usually does."
    )

    def draft(self) -> ProviderDraft:
        """As the verb takes it."""
        models = tuple(model.draft() for model in self.models)
        return ProviderDraft(
            self.name, self.kind, self.base_url, self.api_key, models, self.self_hosted
        )


class ProviderChangeIn(Schema):
    """What to change; what is left out or null stays. `models` replaces the whole list."""

    name: str | None = Field(None, max_length=100)
    base_url: str | None = Field(None, max_length=500)
    api_key: str | None = Field(None, max_length=1000)
    enabled: bool | None = None
    models: list[ModelIn] | None = Field(None, max_length=100)
    self_hosted: bool | None = None

    def change(self) -> ProviderChange:
        """As the verb takes it."""
        models = None if self.models is None else tuple(model.draft() for model in self.models)
        return ProviderChange(
            self.name, self.base_url, self.api_key, self.enabled, models, self.self_hosted
        )


class ModelOut(Schema):
    """A model."""

    id: UUID
    name: str
    display_name: str
    provider_id: UUID
    provider_name: str
    window: int
    output_limit: int
    is_default: bool
    capabilities: list[Capability]
    tier: Tier
    region: str = Field(description="As its administrators name it; empty: nobody said.")
    self_hosted: bool


class TraitsIn(Schema):
    """What to say of a model; what is left out stays. Null capabilities or an empty tier: guess."""

    capabilities: list[Capability] | None = None
    tier: Tier | Literal[""] = ""
    region: str = Field("", max_length=40)
    window: int | None = Field(None, ge=1, le=100_000_000)
    output_limit: int | None = Field(None, ge=1, le=100_000_000)


class ModelPage(Schema):
    """Models, oldest first."""

    items: list[ModelOut]
    next: str | None


class ProviderOut(Schema):
    """A provider; its key never leaves the server."""

    id: UUID
    name: str
    kind: str
    base_url: str | None
    has_key: bool
    key_hint: str | None
    source: Literal["row", "environment"]
    enabled: bool
    self_hosted: bool = Field(description="It runs on machines of one's own.")
    models: list[ModelOut]


class ProviderPage(Schema):
    """Providers, oldest first."""

    items: list[ProviderOut]
    next: str | None


class KindOut(Schema):
    """A preset of the add-provider form."""

    kind: str
    title: str
    default_base_url: str | None
    needs_key: bool
    self_hosted: bool = Field(description="Usually runs on machines of one's own.")


class TrialIn(Schema):
    """Which model to try; absent: the provider's default or first."""

    model: str | None = Field(None, max_length=200)


class TrialOut(Schema):
    """What became of one token."""

    ok: bool
    latency_ms: float | None
    first_token_ms: float | None
    problem: dict[str, Any] | None
