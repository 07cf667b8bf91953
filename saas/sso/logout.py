"""A provider says that somebody has signed out there: what they have open here ends.

Source: OpenID Connect Back-Channel Logout 1.0, sections 2.4 and 2.6. What ends is the door's to
say; a token that comes a second time does no more than the first.
"""

from uuid import UUID

from saas.sso import claims, discovery
from saas.sso.doors import door_of
from saas.sso.errors import ProviderUnknown


def end_by_token(provider_id: UUID, token: str) -> int:
    """End the sessions that the token names. Returns how many.

    Raises: ProviderUnknown, ProviderAway, SsoRefused.
    """
    door = door_of(provider_id)
    if not door.issuer:
        raise ProviderUnknown
    place = discovery.metadata(door.issuer)
    keys = discovery.keys(place.jwks_uri, claims.key_id(token))
    return door.end(claims.verify_logout(token, keys, door.issuer, door.client_id))
