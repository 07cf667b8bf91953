"""Keys that sign access tokens (Ed25519, RFC 8037 and 9864): sealed at rest, rotated with overlap.

A new key is published before it signs, so that who keeps the public keys for a while knows it; an
old one stays published until the last token that it signed is out of time.
"""

import json
import secrets
import time
from datetime import timedelta
from typing import Any

from django.db.models import Q
from joserfc.jwk import OKPKey

from kernel import crypto
from kernel.clock import now
from kernel.db import platform_unit
from saas.identity.models import SigningKey

ALGORITHM = "Ed25519"
TOKEN_LIFE = timedelta(minutes=15)
# How long others may keep our public keys (`Cache-Control` of the JWKS).
JWKS_LIFE = timedelta(minutes=10)
# A process that does not know a key id looks again, at most this often.
KNOWN_FOR_S = 60.0

_private: dict[str, OKPKey] = {}
_public: dict[str, OKPKey] = {}
_current: tuple[float, str] | None = None


def current_key() -> tuple[str, OKPKey]:
    """The id and the private key that sign now; made when there is none."""
    global _current  # noqa: PLW0603
    if _current is None or time.monotonic() - _current[0] > KNOWN_FOR_S:
        row = _newest() or make_key(at_once=True)
        _private[row.kid] = _open(row)
        _current = (time.monotonic(), row.kid)
    kid = _current[1]
    return kid, _private[kid]


def public_key(kid: str) -> OKPKey | None:
    """The public key of an id that is still published."""
    if kid not in _public:
        row = SigningKey.objects.filter(_published(), kid=kid).first()
        if row is None:
            return None
        _public[kid] = OKPKey.import_key(row.public)
    return _public[kid]


def jwks() -> dict[str, Any]:
    """The public keys (RFC 7517, section 5): {keys: [{kid, kty, crv, x, use, alg}, ...]}."""
    current_key()
    rows = SigningKey.objects.filter(_published()).order_by("signs_from")
    return {"keys": [row.public for row in rows]}


def rotate() -> str:
    """Publish a new key, which signs when everybody can know it. Returns its id."""
    row = make_key(at_once=_newest() is None)
    retires_at = row.signs_from + TOKEN_LIFE + JWKS_LIFE
    with platform_unit("signing keys") as alias:
        keys = SigningKey.objects.using(alias)
        keys.filter(published_until=None).exclude(kid=row.kid).update(published_until=retires_at)
        keys.filter(published_until__lt=now()).delete()
    forget()
    return row.kid


def rewrap_signing_keys() -> int:
    """Wrap the stored keys under the ring's first key. Returns how many changed."""
    active = crypto.ring().active_id
    count = 0
    with platform_unit("key rotation") as alias:
        for row in SigningKey.objects.using(alias):
            if crypto.key_id_of(bytes(row.sealed)) == active:
                continue
            row.sealed = crypto.rewrap(bytes(row.sealed), _context(row.kid))
            row.save(using=alias)
            count += 1
    return count


def make_key(*, at_once: bool) -> SigningKey:
    """A new key, signing at once or after `JWKS_LIFE`."""
    kid = secrets.token_urlsafe(12)
    key = OKPKey.generate_key("Ed25519", parameters={"kid": kid, "use": "sig", "alg": ALGORITHM})
    sealed = crypto.seal(json.dumps(key.as_dict(private=True)), _context(kid))
    return SigningKey.objects.create(
        kid=kid,
        sealed=sealed,
        public=dict(key.as_dict(private=False)),
        signs_from=now() if at_once else now() + JWKS_LIFE,
    )


def forget() -> None:
    """Read the keys anew when they are next needed."""
    global _current  # noqa: PLW0603
    _current = None
    _public.clear()


def _newest() -> SigningKey | None:
    return SigningKey.objects.filter(signs_from__lte=now()).order_by("-signs_from").first()


def _published() -> Q:
    return Q(published_until=None) | Q(published_until__gt=now())


def _open(row: SigningKey) -> OKPKey:
    return OKPKey.import_key(json.loads(crypto.open_sealed(bytes(row.sealed), _context(row.kid))))


def _context(kid: str) -> str:
    return f"saas.signing_key:{kid}"
