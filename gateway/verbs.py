"""What can be done with providers and models. Every verb begins with its authorisation check.

Writing is a platform unit with an audit entry; afterwards this process forgets its snapshot and
tells the others. Talking to a provider never happens inside a unit.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError

from gateway.catalogue import CHANGED_TOPIC, endpoint_of, usable_models, writing
from gateway.drafts import (
    Findings,
    ModelDraft,
    ProviderChange,
    ProviderDraft,
    checked_draft,
    checked_models,
    checked_name,
    checked_url,
)
from gateway.hosting import OWN_KINDS
from gateway.keys import clean_key, key_hint, key_of, seal_key
from gateway.models import Model, Provider
from gateway.presets import KINDS
from gateway.router import MODELS
from gateway.views import (
    KindView,
    ModelView,
    ProviderView,
    model_view,
    provider_view,
)
from kernel.actor import Actor
from kernel.bus.ports import BUS
from kernel.clock import now
from kernel.crypto import SealBroken
from kernel.errors import Conflict, NotFound
from saas.facade import audit, require

MANAGE = "platform.manage_models"


class ProviderNameTaken(Conflict):
    """Another provider has this name."""

    code, title = "provider-name-taken", "Another provider has this name"


class ProviderFromEnvironment(Conflict):
    """Its address and key are set in the environment, and are changed there."""

    code, title = "provider-from-environment", "This provider is set in the environment"


class ModelNotUsable(Conflict):
    """The model or its provider is switched off or has no key."""

    code, title = "model-not-usable", "This model cannot be used at the moment"


def list_providers(actor: Actor, limit: int, after: UUID | None) -> list[ProviderView]:
    """Providers, oldest first (one more than `limit`, when there are more). Raises: Forbidden."""
    require(actor, MANAGE)
    rows = Provider.objects.prefetch_related("models__provider").order_by("id")
    if after is not None:
        rows = rows.filter(id__gt=after)
    return [_view(row) for row in rows[: limit + 1]]


def list_models(actor: Actor, limit: int, after: UUID | None) -> list[ModelView]:
    """Models that may be chosen, oldest first (one more than `limit`, when there are more)."""
    _require_reader(actor)
    rows = usable_models().order_by("id")
    if after is not None:
        rows = rows.filter(id__gt=after)
    return [model_view(row) for row in rows[: limit + 1]]


def list_kinds(actor: Actor) -> list[KindView]:
    """The presets of the add-provider form."""
    _require_reader(actor)
    return [
        KindView(
            kind.kind,
            kind.title,
            kind.default_base_url,
            kind.needs_key,
            self_hosted=kind.kind in OWN_KINDS,
        )
        for kind in KINDS.values()
    ]


def create_provider(actor: Actor, draft: ProviderDraft) -> ProviderView:
    """Add a provider with its models; the first model of all becomes the default.

    Raises: Forbidden, Unprocessable (findings by pointer), ProviderNameTaken.
    """
    require(actor, MANAGE)
    draft = checked_draft(draft)
    key = draft.api_key or ""
    try:
        with writing("create provider") as alias:
            row = Provider(
                name=draft.name,
                kind=draft.kind,
                base_url=draft.base_url or "",
                key_hint=key_hint(key) if key else "",
                self_hosted=draft.self_hosted,
            )
            row.sealed_key = seal_key(row.id, key) if key else None
            row.save(using=alias, force_insert=True)
            put_models(alias, row, draft.models)
            ensure_default(alias)
            view = _reread(alias, row.id)
            audit(actor, "provider.created", "provider", row.id, after=_audited(view))
    except IntegrityError as exc:
        raise _clash(exc) from exc
    tell_changed()
    return view


def update_provider(actor: Actor, provider_id: UUID, change: ProviderChange) -> ProviderView:
    """Change a provider. One from the environment: not its name, address, key.

    Raises: Forbidden, NotFound, Unprocessable, ProviderFromEnvironment, ProviderNameTaken.
    """
    require(actor, MANAGE)
    findings = Findings()
    name = None if change.name is None else checked_name(change.name, findings)
    base_url = None if change.base_url is None else checked_url(change.base_url, findings)
    key = None if change.api_key is None else clean_key(change.api_key)
    try:
        with writing("update provider") as alias:
            row = _access(alias, provider_id)
            before = _audited(_reread(alias, row.id))
            _refuse_environment(row, name, base_url, key)
            kind = KINDS.get(row.kind)
            if base_url == "" and kind and kind.wire == "openai" and not kind.default_base_url:
                findings.add("/base_url", "an address is needed for this kind")
            if key == "" and kind and kind.needs_key:
                findings.add("/api_key", "a key is needed for this kind")
            if _moves_key(row, base_url, key):
                # Else whoever may edit could read the key by pointing the address at themselves.
                findings.add("/api_key", "enter the key again, since the address changes")
            models = None
            if change.models is not None:
                models = checked_models(change.models, kind, findings, _stored(alias, row))
            findings.settle()
            row.name = row.name if name is None else name
            row.base_url = row.base_url if base_url is None else base_url
            row.enabled = row.enabled if change.enabled is None else change.enabled
            if change.self_hosted is not None:
                row.self_hosted = change.self_hosted
            if key is not None:
                row.sealed_key = seal_key(row.id, key) if key else None
                row.key_hint = key_hint(key) if key else ""
            row.updated_at = now()
            row.save(using=alias)
            if models is not None:
                put_models(alias, row, models, remove_others=True)
            ensure_default(alias)
            view = _reread(alias, row.id)
            audit(actor, "provider.updated", "provider", row.id, before, _audited(view))
    except IntegrityError as exc:
        raise _clash(exc) from exc
    tell_changed()
    return view


def delete_provider(actor: Actor, provider_id: UUID) -> None:
    """Remove a provider with its models; agents that used one go on with the default.

    Raises: Forbidden, NotFound, ProviderFromEnvironment (switch it off instead).
    """
    require(actor, MANAGE)
    with writing("delete provider") as alias:
        row = _access(alias, provider_id)
        if row.source == Provider.Source.ENVIRONMENT:
            raise ProviderFromEnvironment(
                "It would be found again at the next start. Switch it off instead."
            )
        audit(
            actor,
            "provider.deleted",
            "provider",
            row.id,
            before=_audited(_reread(alias, row.id)),
        )
        row.delete(using=alias)
        ensure_default(alias)
    tell_changed()


def set_default_model(actor: Actor, model_id: UUID) -> ModelView:
    """Make the model the one that is used where none is chosen.

    Raises: Forbidden, NotFound, ModelNotUsable.
    """
    require(actor, MANAGE)
    with writing("set default model") as alias:
        row = _model(alias, model_id)
        if not (row.enabled and row.provider.is_usable) or endpoint_of(row) is None:
            raise ModelNotUsable("Switch its provider on and give it a key first.")
        held = Model.objects.using(alias).select_for_update().filter(is_default=True)
        before = held.first()
        held.exclude(id=row.id).update(is_default=False)
        row.is_default = True
        row.save(using=alias, update_fields=["is_default"])
        audit(
            actor,
            "model.made_default",
            "model",
            row.id,
            before={"model": before.name} if before else None,
            after={"model": row.name},
        )
        view = model_view(row)
    tell_changed()
    return view


def set_traits(actor: Actor, model_id: UUID, changes: Mapping[str, Any]) -> ModelView:
    """Say what the model can do, its tier, region, window and output limit; the rest stays.

    Null capabilities and an empty tier: as its name lets guess. Raises: Forbidden, NotFound.
    """
    require(actor, MANAGE)
    with writing("set traits") as alias:
        row = _model(alias, model_id)
        said = {name: changes[name] for name in ("capabilities", "tier") if name in changes}
        said |= {
            name: changes[name]
            for name in ("region", "window", "output_limit")
            if changes.get(name) is not None
        }
        for name, value in said.items():
            setattr(row, name, value)
        row.save(using=alias, update_fields=list(said))
        audit(actor, "model.described", "model", row.id, after=said)
        view = model_view(row)
    tell_changed()
    return view


def put_models(
    alias: str, row: Provider, models: Iterable[ModelDraft], *, remove_others: bool = False
) -> None:
    """Store `models` of the provider by name, inside the caller's unit."""
    kept = {it.name: it for it in Model.objects.using(alias).filter(provider=row)}
    wanted = {draft.name: draft for draft in models}
    if remove_others:
        gone = [it.id for name, it in kept.items() if name not in wanted]
        Model.objects.using(alias).filter(id__in=gone).delete()
    for name, draft in wanted.items():
        model = kept.get(name) or Model(provider=row, name=name)
        model.display_name = draft.display_name or name
        model.window = draft.window or model.window
        model.output_limit = draft.output_limit or model.output_limit
        model.enabled = True
        model.save(using=alias)


def ensure_default(alias: str) -> None:
    """There is a default whenever there is a model, inside the caller's unit."""
    models = usable_models(alias).order_by("created_at", "id")
    if models.filter(is_default=True).exists():
        return
    heir = next((it for it in models if endpoint_of(it)), None)
    if heir is not None:
        Model.objects.using(alias).filter(is_default=True).update(is_default=False)
        Model.objects.using(alias).filter(id=heir.id).update(is_default=True)


def tell_changed() -> None:
    """Let this process and the others read the catalogue again, after the commit."""
    if MODELS.is_bound:
        MODELS.get().catalogue.forget()
    if BUS.is_bound:
        BUS.get().publish(CHANGED_TOPIC, {})


def _require_reader(actor: Actor) -> None:
    """Anyone who is signed in and belongs somewhere may know which models there are."""
    require(actor, MANAGE if actor.is_platform_admin else "tenant.view")


def _access(alias: str, provider_id: UUID) -> Provider:
    row = Provider.objects.using(alias).select_for_update().filter(id=provider_id).first()
    if row is None:
        raise NotFound
    return row


def _model(alias: str, model_id: UUID) -> Model:
    row = Model.objects.using(alias).select_related("provider").filter(id=model_id).first()
    if row is None:
        raise NotFound
    return row


def _refuse_environment(
    row: Provider, name: str | None, base_url: str | None, key: str | None
) -> None:
    changed = (
        (name is not None and name != row.name)
        or (base_url is not None and base_url != row.base_url)
        or bool(key)
    )
    if row.source == Provider.Source.ENVIRONMENT and changed:
        raise ProviderFromEnvironment(
            "Change its address and key where they are set, or add a provider of your own."
        )


def _stored(alias: str, row: Provider) -> dict[str, ModelDraft]:
    """The provider's models by name: what is left out of a change stays."""
    return {
        it.name: ModelDraft(it.name, it.display_name, it.window, it.output_limit)
        for it in Model.objects.using(alias).filter(provider=row)
    }


def _moves_key(row: Provider, base_url: str | None, key: str | None) -> bool:
    """Whether the stored key would go to another address than the one it was entered for."""
    is_moved = base_url is not None and base_url != row.base_url
    return is_moved and row.sealed_key is not None and key is None


def _view(row: Provider) -> ProviderView:
    try:
        has_key = bool(key_of(row))
    except SealBroken:
        has_key = False
    return provider_view(row, has_key=has_key)


def _reread(alias: str, provider_id: UUID) -> ProviderView:
    rows = Provider.objects.using(alias).prefetch_related("models__provider")
    return _view(rows.get(id=provider_id))


def _audited(view: ProviderView) -> dict[str, object]:
    """What the audit log keeps: nothing of the key but that there is one, and its hint."""
    return {
        "name": view.name,
        "kind": view.kind,
        "base_url": view.base_url,
        "key_hint": view.key_hint,
        "enabled": view.enabled,
        "self_hosted": view.self_hosted,
        "models": [model.name for model in view.models],
    }


def _clash(exc: IntegrityError) -> Exception:
    """The failure that a broken constraint means to the person."""
    if "provider_name_once" in str(exc):
        return ProviderNameTaken(errors=[{"pointer": "/name", "detail": "is taken"}])
    return exc
