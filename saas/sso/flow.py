"""One sign-in through a provider: out with a state, back with a code, once, in the same browser.

The state is a secret that works once; nonce and PKCE verifier are made of it and of the browser's
own cookie, so that nothing secret is kept here and a code is worth nothing in another browser.
Source: OpenID Connect Core 1.0, section 3.1; RFC 9700, sections 2.1 and 4.7; RFC 9207.
"""

import base64
import hmac
import re
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from saas.identity import lockout, onetime
from saas.identity.sessions import Visitor
from saas.identity.verbs import SecondStep, SignIn
from saas.sso import exchange
from saas.sso.doors import door_of
from saas.sso.errors import SsoRefused
from saas.sso.exchange import Bound

LIFE = timedelta(minutes=10)
# Long enough for the longest that a program may ask for on /authorize, each character escaped.
NEXT_LIMIT = 4000
HOME = "/"


@dataclass(frozen=True, slots=True)
class Returned:
    """What a provider's redirect brought. `error`: a code of RFC 6749, section 4.1.2.1."""

    state: str
    code: str = ""
    issuer: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """How the sign-in ended, and where the person wanted to go."""

    found: SignIn | SecondStep
    next_path: str


def begin(
    provider_id: UUID, next_path: str, browser: str, address: str, *, is_anew: bool = False
) -> str:
    """Where the browser goes. `browser`: the secret of its cookie. `is_anew`: for a step-up.

    Raises: ProviderUnknown, ProviderAway, SealBroken, LockedOut (too many from one address).
    """
    door = door_of(provider_id)
    lockout.refuse_flood("sso", address)
    door.look()
    state = onetime.issue(
        "sso", LIFE, provider=str(door.id), browser=onetime.digest(browser),
        next=local_path(next_path),
    )  # fmt: skip
    bound = _bound(state, browser)
    return exchange.authorize_url(door.client(), door.scope, bound, is_anew=is_anew)


def finish(back: Returned, browser: str, visitor: Visitor) -> Arrival:
    """Open a session for whom the provider names.

    Raises: SsoRefused, SsoNotForYou, ProviderUnknown, ProviderAway.
    """
    known = onetime.look("sso", back.state)
    if known is None or not hmac.compare_digest(known.data["browser"], onetime.digest(browser)):
        raise SsoRefused("This sign-in was begun elsewhere, or too long ago. Begin again.")
    # Spent whatever comes next: a code is tried once.
    if onetime.spend("sso", back.state) is None:
        raise SsoRefused("This sign-in was finished already. Begin again.")
    if back.error or not back.code:
        raise SsoRefused("The provider did not let you in, or you went back. Begin again.")
    door = door_of(UUID(known.data["provider"]))
    if back.issuer and door.issuer and back.issuer != door.issuer:
        raise SsoRefused("The answer came from another provider than the one that was asked.")
    said = exchange.redeem(door.client(), back.code, _bound(back.state, browser))
    return Arrival(door.enter(said, visitor), known.data["next"])


def wanted_path(state: str) -> str:
    """Where the person wanted to go who was sent out with this state; home when it is unknown."""
    known = onetime.look("sso", state)
    return known.data["next"] if known else HOME


def local_path(wanted: str) -> str:
    """A path of our own pages; anything that could lead elsewhere leads home."""
    is_local = re.fullmatch(r"/(?![/\\])[!-\[\]-~]*", wanted) is not None
    return wanted if is_local and len(wanted) <= NEXT_LIMIT else HOME


def _bound(state: str, browser: str) -> Bound:
    return Bound(state, _made_of(browser, f"nonce:{state}"), _made_of(browser, f"pkce:{state}"))


def _made_of(browser: str, purpose: str) -> str:
    """43 characters of base64url, as RFC 7636 wants a verifier."""
    made = hmac.digest(browser.encode(), purpose.encode(), "sha256")
    return base64.urlsafe_b64encode(made).decode().rstrip("=")
