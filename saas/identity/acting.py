"""What a platform admin who acts as somebody may not do: touch what proves who the person is.

Told by the address where a request becomes an actor, so that no operation can forget it, and once
more by the verbs that need a step-up.
"""

from kernel.actor import Actor
from saas.errors import RefusedWhileActing

# Parts of the API about accounts, factors, sessions, keys and how the tenant's people sign in.
CLOSED = ("auth", "sso", "scim", "gateway/keys", "invitations/accept")
OPEN = frozenset({"auth/me", "auth/ws-ticket", "auth/logout"})


def refuse_acting(actor: Actor) -> None:
    """Raise if somebody else acts as this person. Raises: RefusedWhileActing."""
    if actor.acted_by is not None:
        raise RefusedWhileActing(
            "Passwords, addresses, factors, passkeys, sessions, keys and other secrets are the "
            "person's own. End acting first."
        )


def refuse_while_acting(actor: Actor, path: str) -> None:
    """Raise if a request is for what acting does not reach. Raises: RefusedWhileActing."""
    if actor.acted_by is None:
        return
    place = path.removeprefix("/api/v2/").strip("/")
    is_closed = any(place == part or place.startswith(f"{part}/") for part in CLOSED)
    if is_closed and place not in OPEN:
        refuse_acting(actor)
