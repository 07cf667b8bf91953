"""Versions of resources as entity tags, and what a caller says of the one it knows.

Source: RFC 7644, section 3.14; RFC 9110, section 13.1.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from django.utils.http import parse_etags
from scim2_models import Context, PreconditionFailedException


@dataclass(frozen=True, slots=True)
class Conditions:
    """Headers by which a request is for one state of a resource; empty: for any."""

    if_match: str = ""
    if_none_match: str = ""

    def check(self, known: Any) -> None:
        """Refuse a change that is meant for another state. Raises: PreconditionFailedException."""
        if not self.if_match and not self.if_none_match:
            return
        version = version_of(known)
        is_missed = self.if_match and not names(self.if_match, version)
        if is_missed or names(self.if_none_match, version):
            raise PreconditionFailedException(detail="It has changed since that version.")


def names(header: str, version: str) -> bool:
    """Whether a header has this version. All are weak here, and compared as the standard does."""
    known = [tag.removeprefix("W/") for tag in parse_etags(header)]
    return "*" in known or version.removeprefix("W/") in known


def version_of(resource: Any) -> str:
    """The version of a resource: of all that it holds, whichever attributes are asked for."""
    shown = resource.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE)
    shown["meta"].pop("version", None)
    text = json.dumps(shown, sort_keys=True)
    return f'W/"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def stamped(resource: Any) -> Any:
    """The resource with its version in it."""
    resource.meta.version = version_of(resource)
    return resource
