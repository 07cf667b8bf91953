"""What other apps may use of saas."""

from saas.audit import acted_since, audit
from saas.authz.check import allowed, relate, require, visible
from saas.authz.rights import Change as RightsChange
from saas.authz.rights import follow_rights, watch_rights
from saas.authz.schema import SCHEMA, permission_names
from saas.identity.sessions import COOKIE, authenticate, reauthenticate, redeem_ticket
from saas.identity.signing import JWKS_LIFE, jwks
from saas.identity.step_up import require_step_up
from saas.modes import (
    behaviour_of,
    follow_modes,
    is_enterprise,
    known_choice,
    mode_of,
    watch_modes,
)
from saas.provisioning import (
    acting_member,
    ensure_membership,
    ensure_person,
    ensure_tenant,
    is_active_tenant,
    on_new_tenant,
)
from saas.told import TenantSuspended

__all__ = [
    "COOKIE",
    "JWKS_LIFE",
    "SCHEMA",
    "RightsChange",
    "TenantSuspended",
    "acted_since",
    "acting_member",
    "allowed",
    "audit",
    "authenticate",
    "behaviour_of",
    "ensure_membership",
    "ensure_person",
    "ensure_tenant",
    "follow_modes",
    "follow_rights",
    "is_active_tenant",
    "is_enterprise",
    "jwks",
    "known_choice",
    "mode_of",
    "on_new_tenant",
    "permission_names",
    "reauthenticate",
    "redeem_ticket",
    "relate",
    "require",
    "require_step_up",
    "visible",
    "watch_modes",
    "watch_rights",
]
