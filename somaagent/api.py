"""The one NinjaAPI: every app's router under /api/v2, cookie sign-in by default."""

from ninja import NinjaAPI

from chat.api import router as chat_router
from chat.api_agents import router as agents_router
from chat.api_policy import router as policy_router
from gateway.api import router as gateway_router
from gateway.api_keys import router as keys_router
from gateway.api_ledger import router as ledger_router
from gateway.api_routing import router as routing_router
from health.api import router as health_router
from memory.api import cognitive as cognitive_router
from memory.api import router as memory_router
from saas.api.audit import router as audit_router
from saas.api.auth import SessionAuth
from saas.api.auth_account import router as account_router
from saas.api.auth_factors import router as factors_router
from saas.api.auth_sessions import router as sessions_router
from saas.api.consents import router as consents_router
from saas.api.events import router as events_router
from saas.api.impersonations import router as impersonations_router
from saas.api.invitations import router as invitations_router
from saas.api.mails import router as mails_router
from saas.api.modes import router as modes_router
from saas.api.people import router as people_router
from saas.api.scim import router as scim_router
from saas.api.setup import router as setup_router
from saas.api.sign_in import router as sign_in_router
from saas.api.sso import router as sso_router
from saas.api.sso import sign_in_router as oauth_router
from saas.api.tenants import router as tenants_router
from somaagent.errors import install

api = NinjaAPI(
    title="SomaAgent",
    version="2.0.0",
    description="Errors are problem details (RFC 9457); lists are keyset pages.",
    urls_namespace="v2",
    auth=SessionAuth(),
    docs_url="/docs",
)
install(api)
for router in (
    sign_in_router,
    account_router,
    factors_router,
    sessions_router,
    consents_router,
    oauth_router,
):
    api.add_router("/auth", router)
api.add_router("/agents", agents_router)
api.add_router("/chat", chat_router)
api.add_router("/chat/policy", policy_router)
api.add_router("/gateway", gateway_router)
api.add_router("/gateway/keys", keys_router)
api.add_router("/gateway", ledger_router)
api.add_router("/gateway", routing_router)
api.add_router("/memory", memory_router)
api.add_router("/cognitive", cognitive_router)
api.add_router("/people", people_router)
api.add_router("/sso/scim", scim_router)
api.add_router("/sso", sso_router)
api.add_router("/audit", audit_router)
api.add_router("/saas/health", health_router)
api.add_router("/saas/events", events_router)
api.add_router("/saas/mode", modes_router)
api.add_router("/saas/setup", setup_router)
api.add_router("/saas/tenants", tenants_router)
api.add_router("/saas/impersonations", impersonations_router)
api.add_router("/saas/mails", mails_router)
api.add_router("/invitations", invitations_router)
