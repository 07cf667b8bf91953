"""Objects by coordinate: what SomaFractalMemory keeps, sealed by tenant.

The coordinate is the identity: numbers, any length, so that "1,2,3" and "1.0, 2.0, 3.0" are one
place.  Keeping at a place that is taken replaces the object.  Deleting deletes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchRank, SearchVector
from django.db import models
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce

from kernel.actor import Scope
from kernel.clock import now
from kernel.db import unit_of_work
from memory.brain_server.models import StoredObject
from memory.errors import BadMemory
from memory.terms import query_terms

MAX_NUMBERS = 64
# Where clients write their text.
TEXT_KEYS = ("text", "content", "summary")


def coordinate(text: str) -> tuple[float, ...]:
    """Return the numbers of a coordinate.  Raises: BadMemory for what is none, or not finite."""
    try:
        numbers = tuple(float(piece) for piece in text.split(",")) if text.strip() else ()
    except ValueError:
        numbers = ()
    if not 0 < len(numbers) <= MAX_NUMBERS or not all(map(math.isfinite, numbers)):
        detail = f"is no list of 1 to {MAX_NUMBERS} finite numbers with commas between"
        raise BadMemory(errors=[{"pointer": "/coord", "detail": detail}])
    return numbers


def keep(scope: Scope, place: tuple[float, ...], payload: dict[str, Any], kind: str) -> None:
    """Keep an object at its place, durable on return."""
    with unit_of_work(scope):
        StoredObject.objects.update_or_create(
            place=_key(place),
            defaults={"payload": payload, "kind": kind, "updated_at": now()},
            create_defaults={
                "tenant_id": scope.tenant_id,
                "place": _key(place),
                "coordinate": list(place),
                "payload": payload,
                "kind": kind,
            },
        )


def read(scope: Scope, place: tuple[float, ...]) -> StoredObject | None:
    """Return the object of a place."""
    with unit_of_work(scope):
        found: StoredObject | None = StoredObject.objects.filter(place=_key(place)).first()
        return found


def delete(scope: Scope, place: tuple[float, ...]) -> bool:
    """Delete the object of a place; whether there was one."""
    with unit_of_work(scope):
        return bool(StoredObject.objects.filter(place=_key(place)).delete()[0])


def search(
    scope: Scope,
    query: str,
    *,
    kind: str | None,
    filters: Mapping[str, Any],
    limit: int,
    offset: int,
) -> list[tuple[StoredObject, float]]:
    """Return objects that hold any word of the query, best first, with their weight.

    `filters`: members of the payload that have to be equal.
    """
    words = [term.word for term in query_terms(query)]
    if not words:
        return []
    asked = SearchQuery(" or ".join(words), search_type="websearch", config="english")
    text = Coalesce(
        *(KeyTextTransform(key, "payload") for key in TEXT_KEYS),
        models.Value(""),
        output_field=models.TextField(),
    )
    vector = SearchVector(text, config="english")
    with unit_of_work(scope):
        rows = StoredObject.objects.annotate(vector=vector, weight=SearchRank(vector, asked))
        rows = rows.filter(vector=asked, payload__contains=dict(filters))
        if kind is not None:
            rows = rows.filter(kind=kind)
        found = rows.order_by("-weight", "-created_at", "id")[offset : offset + limit]
        return [(row, float(row.weight)) for row in found]


def count(scope: Scope) -> dict[str, int]:
    """Return how many objects the tenant has, by kind."""
    with unit_of_work(scope):
        counted = StoredObject.objects.values_list("kind").annotate(models.Count("id"))
        return dict(counted.order_by("kind"))


def _key(place: tuple[float, ...]) -> str:
    # -0.0 and 0.0 are one place.
    return ",".join(str(number + 0.0) for number in place)
