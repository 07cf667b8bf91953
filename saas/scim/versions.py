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
        is_missed = self.if_match and not names(self.if_match, known.meta.version)
        if is_missed or names(self.if_none_match, known.meta.version):
            raise PreconditionFailedException(detail="It has changed since that version.")


def names(header: str, version: str) -> bool:
    """Whether a header has this version. All are weak here, and compared as the standard does."""
    known = [tag.removeprefix("W/") for tag in parse_etags(header)]
    return "*" in known or version.removeprefix("W/") in known


def stamped(resource: Any) -> Any:
    """The resource with its version: of all that it holds, whichever attributes are asked for."""
    shown = resource.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE)
    text = json.dumps(shown, sort_keys=True)
    resource.meta.version = f'W/"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    return resource
