"""Operations under /api/v2/gateway."""

from typing import Annotated
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Status

from gateway import trial, verbs
from gateway.schemas import (
    KindOut,
    ModelOut,
    ModelPage,
    ProviderChangeIn,
    ProviderIn,
    ProviderOut,
    ProviderPage,
    TraitsIn,
    TrialIn,
    TrialOut,
)
from gateway.views import ModelView, ProviderView
from kernel import paging
from saas.api.auth import actor_of

router = Router(tags=["gateway"])

PAGE_LIMIT = 200


@router.get("/providers", response=ProviderPage, operation_id="gateway_providers")
def list_providers(
    request: HttpRequest,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT)] = 50,
    cursor: str | None = None,
) -> dict[str, object]:
    """Providers with their models (platform admins)."""
    after = paging.decode(cursor, UUID)
    rows = verbs.list_providers(actor_of(request), limit, after[0] if after else None)
    return _page(rows, limit)


@router.post("/providers", response={201: ProviderOut}, operation_id="gateway_create_provider")
def create_provider(request: HttpRequest, body: ProviderIn) -> Status[object]:
    """Add a provider with its models (platform admins)."""
    return Status(201, verbs.create_provider(actor_of(request), body.draft()))


@router.patch(
    "/providers/{provider_id}", response=ProviderOut, operation_id="gateway_update_provider"
)
def update_provider(request: HttpRequest, provider_id: UUID, body: ProviderChangeIn) -> object:
    """Change a provider (platform admins)."""
    return verbs.update_provider(actor_of(request), provider_id, body.change())


@router.delete(
    "/providers/{provider_id}", response={204: None}, operation_id="gateway_delete_provider"
)
def delete_provider(request: HttpRequest, provider_id: UUID) -> Status[None]:
    """Remove a provider with its models (platform admins)."""
    verbs.delete_provider(actor_of(request), provider_id)
    return Status(204, None)


@router.post(
    "/providers/{provider_id}/test", response=TrialOut, operation_id="gateway_test_provider"
)
def try_provider(request: HttpRequest, provider_id: UUID, body: TrialIn | None = None) -> object:
    """Ask the provider for one token: latency, or the cause of the failure (platform admins)."""
    model = body.model if body else None
    return trial.try_provider(actor_of(request), provider_id, model)


@router.get("/kinds", response=list[KindOut], operation_id="gateway_kinds")
def list_kinds(request: HttpRequest) -> object:
    """Kinds of providers that can be added."""
    return verbs.list_kinds(actor_of(request))


@router.get("/models", response=ModelPage, operation_id="gateway_models")
def list_models(
    request: HttpRequest,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT)] = 50,
    cursor: str | None = None,
) -> dict[str, object]:
    """Models that an agent may use."""
    after = paging.decode(cursor, UUID)
    rows = verbs.list_models(actor_of(request), limit, after[0] if after else None)
    return _page(rows, limit)


@router.put("/models/{model_id}/default", response=ModelOut, operation_id="gateway_default_model")
def set_default_model(request: HttpRequest, model_id: UUID) -> object:
    """Use this model where none is chosen (platform admins)."""
    return verbs.set_default_model(actor_of(request), model_id)


@router.put("/models/{model_id}/traits", response=ModelOut, operation_id="gateway_set_traits")
def set_traits(request: HttpRequest, model_id: UUID, body: TraitsIn) -> object:
    """Say what a model can do, its tier, region and limits (platform admins)."""
    return verbs.set_traits(actor_of(request), model_id, body.model_dump(exclude_unset=True))


def _page(rows: list[ModelView] | list[ProviderView], limit: int) -> dict[str, object]:
    """The page and the cursor behind its last row, if there are more rows."""
    shown = rows[:limit]
    more = len(rows) > limit
    return {"items": shown, "next": paging.encode(shown[-1].id) if more else None}
