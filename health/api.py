"""Operations under /api/v2/saas/health, for platform admins."""

from django.http import HttpRequest
from ninja import Router

from health import verbs
from health.schemas import BreakerOut, BreakersOut, DegradationOut, HealthOut, ServiceOut
from saas.api.auth import actor_of

router = Router(tags=["health"])


@router.get("", response=HealthOut, operation_id="health_see")
def see(request: HttpRequest) -> object:
    """Services, breakers and what is limited."""
    return verbs.see_health(actor_of(request))


@router.get("/db", response=ServiceOut, operation_id="health_database")
def database(request: HttpRequest) -> object:
    """The database."""
    return verbs.see_service(actor_of(request), "database")


@router.get("/cache", response=ServiceOut, operation_id="health_cache")
def cache(request: HttpRequest) -> object:
    """Valkey (or Redis)."""
    return verbs.see_service(actor_of(request), "redis")


@router.get("/somabrain", response=ServiceOut, operation_id="health_somabrain")
def somabrain(request: HttpRequest) -> object:
    """Memory."""
    return verbs.see_service(actor_of(request), "somabrain")


@router.get("/keycloak", response=ServiceOut, operation_id="health_keycloak")
def keycloak(request: HttpRequest) -> object:
    """Keycloak; 404 `service-not-configured` where identities are kept here."""
    return verbs.see_service(actor_of(request), "keycloak")


@router.get("/degradation", response=DegradationOut, operation_id="health_degradation")
def degradation(request: HttpRequest) -> object:
    """The level, since when, and what each service that is not well means."""
    level, since, affected = verbs.see_degradation(actor_of(request))
    return {"level": level, "since": since, "affected": affected}


@router.get("/breakers", response=BreakersOut, operation_id="health_breakers")
def breakers(request: HttpRequest) -> object:
    """Every breaker that was used since the start."""
    return {"items": verbs.see_breakers(actor_of(request))}


@router.post(
    "/breakers/{path:name}/reset", response=BreakerOut, operation_id="health_reset_breaker"
)
def reset_breaker(request: HttpRequest, name: str) -> object:
    """Close a breaker in every process, and let calls through again; audited."""
    return verbs.reset_breaker(actor_of(request), name)
