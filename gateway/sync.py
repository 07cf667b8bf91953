"""Keeps a row for each provider that the environment names.

Runs at the start and then every few minutes, beside the traffic: it may take two seconds. What an
administrator changed in these rows (switched off, limits, the default) stays.
"""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.catalogue import writing
from gateway.drafts import ModelDraft
from gateway.egress import check_base_url
from gateway.environment import FoundProvider, discover
from gateway.errors import AddressRefused
from gateway.keys import environment_key, key_hint
from gateway.models import Model, Provider
from gateway.presets import limits_of
from gateway.router import MODELS
from gateway.verbs import ensure_default, put_models, tell_changed
from kernel.clock import now


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a run did, by provider name. `found`: all that exist now."""

    found: tuple[str, ...]
    changed: tuple[str, ...]


def sync_environment(environ: Mapping[str, str] | None = None) -> SyncReport:
    """Make the rows with source `environment` fit the environment. Idempotent.

    For operators' commands and the worker: no actor, and never called for a request.
    Locks: the provider rows. Keys are never stored.
    """
    environ = os.environ if environ is None else environ
    found = [it for it in asyncio.run(discover(MODELS.get(), environ)) if _is_callable(it)]
    changed: list[str] = []
    with writing("environment") as alias:
        rows = {
            row.kind: row
            for row in Provider.objects.using(alias)
            .select_for_update()
            .filter(source=Provider.Source.ENVIRONMENT)
        }
        for entry in found:
            hint = key_hint(key.reveal()) if (key := environment_key(entry.kind, environ)) else ""
            if _store(alias, rows.pop(entry.kind, None), entry, hint):
                changed.append(entry.name)
        for gone in (row for row in rows.values() if row.is_present):
            # Kept, because agents may name its models.
            gone.is_present = False
            gone.updated_at = now()
            gone.save(using=alias)
            changed.append(gone.name)
        if changed:
            ensure_default(alias)
    if changed:
        tell_changed()
    return SyncReport(tuple(entry.name for entry in found), tuple(changed))


def _store(alias: str, row: Provider | None, found: FoundProvider, hint: str) -> bool:
    """Insert or correct one row with its models. True when anything changed."""
    row = row or Provider(
        kind=found.kind,
        name=_free_name(alias, found.name),
        source=Provider.Source.ENVIRONMENT,
        is_present=False,
    )
    is_changed = not row.is_present or (row.base_url, row.key_hint) != (found.base_url, hint)
    if is_changed:
        row.base_url, row.key_hint, row.is_present = found.base_url, hint, True
        row.updated_at = now()
        row.save(using=alias)
    known = set(Model.objects.using(alias).filter(provider=row).values_list("name", flat=True))
    # A hosted provider's list is ours and only filled once; a server's own list is followed.
    fresh = [name for name in found.models if name not in known and (found.asks or not known)]
    put_models(alias, row, [_draft(found.kind, name) for name in fresh])
    return is_changed or bool(fresh)


def _draft(kind: str, name: str) -> ModelDraft:
    known = limits_of(kind, name)
    return ModelDraft(name, known.display_name, known.window, known.output_limit)


def _free_name(alias: str, name: str) -> str:
    taken = {it.lower() for it in Provider.objects.using(alias).values_list("name", flat=True)}
    number, free = 1, name
    while free.lower() in taken:
        number += 1
        free = f"{name} {number}"
    return free


def _is_callable(found: FoundProvider) -> bool:
    """Whether the address may be called; a wrong variable must not stop the start."""
    if not found.base_url:
        return True
    try:
        check_base_url(found.base_url, allow_private=True, resolve=False)
    except AddressRefused:
        return False
    return True
