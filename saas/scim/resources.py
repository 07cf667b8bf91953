"""The resources of the standard as `scim2_models` has them, what we tolerate, what we announce.

Everything that RFC 7643 declares for people is accepted and kept; a password never is. Directories
deviate in known ways (Okta, Entra ID): those are tolerated, an unknown path is not.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    Context,
    EnterpriseUser,
    ETag,
    Filter,
    Group,
    Meta,
    NotFoundException,
    Patch,
    ResourceType,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
    User,
)

Person = User[EnterpriseUser]
# What a change makes of a resource as it is.
Make = Callable[[Any], Any]
# Of a directory's check of a resource as it is, before it is gone.
Check = Callable[[Any], None]
PAGE_MAX = 200
# What one request may bring for many changes: operations, bytes.
BULK_MAX, BULK_BYTES = 100, 1_000_000

# A patch that names what does not exist is a mistake; Entra ID selects what to remove by a value,
# and replaces what is not there yet.
PATCHING = ScimPolicy(
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)
# Whole resources come with more than the standard knows.
WRITING = PATCHING.model_copy(update={"unknown": ScimPolicy.Unknown.ignore})

CONFIG = ServiceProviderConfig(
    patch=Patch(supported=True),
    bulk=Bulk(supported=True, max_operations=BULK_MAX, max_payload_size=BULK_BYTES),
    filter=Filter(supported=True, max_results=PAGE_MAX),
    change_password=ChangePassword(supported=False),
    sort=Sort(supported=True),
    etag=ETag(supported=True),
    authentication_schemes=[
        AuthenticationScheme(
            type=AuthenticationScheme.Type.oauthbearertoken,
            name="Bearer of the organisation",
            description="Made on the page Single sign-on, sent as in RFC 6750.",
            primary=True,
        )
    ],
)
PROVIDER = ScimProvider(
    models=[User, EnterpriseUser, Group],
    resource_types=[ResourceType.from_resource(Person), ResourceType.from_resource(Group)],
    config=CONFIG,
    policy=WRITING,
)


def meta(kind: str, base: str, row_id: UUID, made_at: datetime, changed_at: datetime) -> Meta:
    """What every resource says of itself (RFC 7643, section 3.1)."""
    return Meta(
        resource_type=kind,
        created=made_at,
        last_modified=changed_at,
        location=f"{base}/{kind}s/{row_id}",
    )


def kept(person: Any) -> dict[str, Any]:
    """What is stored of a person: all but the password and what is known here already."""
    dumped: dict[str, Any] = person.model_dump(scim_ctx=Context.DEFAULT)
    for name in ("password", "id", "meta", "groups", "active"):
        dumped.pop(name, None)
    return dumped


def row_id(given: str) -> UUID:
    """The id in an address. Raises: NotFoundException."""
    try:
        return UUID(given)
    except ValueError as exc:
        raise NotFoundException(detail="There is no such resource.") from exc
