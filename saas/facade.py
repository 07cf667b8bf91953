"""What other apps may use of saas."""

from saas.audit import audit
from saas.authz.check import allowed, relate, require, visible
from saas.authz.schema import SCHEMA, permission_names
from saas.identity.sessions import COOKIE, authenticate, reauthenticate, redeem_ticket
from saas.provisioning import ensure_membership, ensure_person, ensure_tenant, on_new_tenant

__all__ = [
    "COOKIE",
    "SCHEMA",
    "allowed",
    "audit",
    "authenticate",
    "ensure_membership",
    "ensure_person",
    "ensure_tenant",
    "on_new_tenant",
    "permission_names",
    "reauthenticate",
    "redeem_ticket",
    "relate",
    "require",
    "visible",
]
