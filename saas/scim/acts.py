"""What a directory does to one resource, whether it asks for it alone or among many."""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from scim2_models import Error, Group, PatchOp, SCIMException

from kernel.actor import Actor
from kernel.errors import SomaError
from saas.scim import groups, users
from saas.scim.resources import PATCHING, Person
from saas.scim.versions import Conditions

# By the first part of the address: the model, and the module that keeps such resources.
KINDS: dict[str, tuple[Any, Any]] = {"Users": (Person, users), "Groups": (Group, groups)}
REFUSALS = (SCIMException, ValidationError, SomaError)


class MethodNotAllowed(SCIMException):
    """The address exists, for other methods."""

    status = 405
    _default_detail = "This cannot be done at this address."


@dataclass(frozen=True, slots=True)
class Acts:
    """The acts of one directory; each raises one of `REFUSALS`."""

    actor: Actor
    default_role: str
    base: str

    def see(self, kind: str, given_id: str) -> Any:
        """One resource."""
        return KINDS[kind][1].see(self.actor, given_id, self.base)

    def find(self, kind: str, search: Any) -> Any:
        """A page of resources."""
        return KINDS[kind][1].find(self.actor, search, self.base)

    def create(self, kind: str, given: Any) -> Any:
        """A new resource."""
        verbs = KINDS[kind][1]
        more = (self.default_role,) if verbs is users else ()
        return verbs.create(self.actor, given, *more, self.base)

    def change(self, kind: str, given_id: str, given: Any, conditions: Conditions) -> Any:
        """Replace a resource by what was given, or patch it with that."""

        def make(known: Any) -> Any:
            conditions.check(known)
            if not isinstance(given, PatchOp):
                return given
            given.patch(known, scim_policy=PATCHING)
            return known

        return KINDS[kind][1].change(self.actor, given_id, self.base, make)

    def remove(self, kind: str, given_id: str, conditions: Conditions) -> None:
        """Delete a resource."""
        KINDS[kind][1].remove(self.actor, given_id, self.base, conditions.check)


def error_of(refusal: Exception) -> Error:
    """One of `REFUSALS` in the standard's shape."""
    if isinstance(refusal, SCIMException):
        return refusal.to_error()
    if isinstance(refusal, ValidationError):
        return Error.from_validation_errors(refusal)[0]
    assert isinstance(refusal, SomaError)  # noqa: S101  # the last of the three
    return Error(status=refusal.status, detail=refusal.detail)
