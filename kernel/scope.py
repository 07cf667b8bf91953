"""The open scope of this context: which tenant the running code works for."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from kernel.actor import Scope
from kernel.errors import InternalError

# Where rows live that belong to no tenant but to the platform: audit, events.
PLATFORM_TENANT = UUID(int=0)

_scope: ContextVar[Scope | None] = ContextVar("soma_scope", default=None)
_platform: ContextVar[bool] = ContextVar("soma_platform", default=False)


class ScopeMissing(InternalError):
    """A tenant table was touched outside `unit_of_work`: always a defect of ours."""

    code, title = "scope-missing", "No tenant scope is open"


def current_scope() -> Scope | None:
    """The scope that is open in this context, if any."""
    return _scope.get()


def require_scope() -> Scope:
    """The open scope. Raises: ScopeMissing."""
    scope = _scope.get()
    if scope is None:
        raise ScopeMissing
    return scope


@contextmanager
def bind_scope(scope: Scope) -> Iterator[None]:
    """Open `scope` for this context (used by `kernel.db` only).

    Inside a platform unit (the relay delivers from one) the scope wins: a tenant's unit must never
    read as the platform.
    """
    token, platform = _scope.set(scope), _platform.set(False)
    try:
        yield
    finally:
        _platform.reset(platform)
        _scope.reset(token)


@contextmanager
def bind_platform() -> Iterator[None]:
    """Let tenant tables be read across tenants (used by `kernel.db.platform_unit` only)."""
    token = _platform.set(True)
    try:
        yield
    finally:
        _platform.reset(token)


def is_platform() -> bool:
    """Whether a platform unit is open: then tenant tables are read across tenants."""
    return _platform.get()
