"""A provider says that somebody has signed out there: what they have open here ends.

Source: OpenID Connect Back-Channel Logout 1.0, sections 2.4 and 2.6. The token names the person:
all of their sessions in the provider's tenant end, not only those of one sign-in there. A token
that comes a second time therefore does no more than the first.
"""

from uuid import UUID

from kernel.db import platform_unit
from saas.identity import sessions
from saas.sso import claims, discovery
from saas.sso.errors import ProviderUnknown
from saas.sso.models import ExternalIdentity
from saas.sso.providers import enabled_provider, issuer_of


def end_by_token(provider_id: UUID, token: str) -> int:
    """End the person's sessions in the provider's tenant. Returns how many.

    Raises: ProviderUnknown, ProviderAway, SsoRefused.
    """
    row = enabled_provider(provider_id)
    issuer = issuer_of(row)
    if not issuer:
        raise ProviderUnknown
    place = discovery.metadata(issuer)
    keys = discovery.keys(place.jwks_uri, claims.key_id(token))
    said = claims.verify_logout(token, keys, issuer, row.client_id)
    with platform_unit("sso: who signed out") as alias:
        known = ExternalIdentity.objects.using(alias).filter(
            provider_id=row.id, subject=said["sub"]
        )
        user_id = known.values_list("user_id", flat=True).first()
    return sessions.end_sessions_in(user_id, row.tenant_id) if user_id else 0
