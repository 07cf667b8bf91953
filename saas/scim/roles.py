"""The further roles that people have because of their groups: given and taken with them."""

from collections.abc import Iterable
from uuid import UUID

from kernel.actor import Actor
from saas.audit import audit
from saas.authz.rights import tell_rights
from saas.models import Membership
from saas.scim.models import ScimMember, ScimUser


def people_of(group_id: UUID) -> set[UUID]:
    """The ids of a group's users, in the open unit."""
    return set(ScimMember.objects.filter(group_id=group_id).values_list("user_id", flat=True))


def settle(actor: Actor, users: Iterable[UUID]) -> None:
    """Give and take the further roles that follow from groups, in the open unit.

    A role that a person has by hand is left alone, also when a group gives it too.
    """
    for user in ScimUser.objects.select_for_update().filter(id__in=list(users)):
        groups = ScimMember.objects.filter(user_id=user.id).exclude(group__role="")
        wanted = set(groups.values_list("group__role", flat=True))
        rows = Membership.objects.select_for_update()
        member = rows.filter(tenant_id=user.tenant_id, user_id=user.user_id).first()
        if member is None:
            continue
        by_hand = set(member.roles) - set(user.given)
        before, after = list(member.roles), sorted((by_hand | wanted) - {member.role})
        user.given = sorted(set(after) - by_hand)
        user.save(update_fields=["given"])
        if before == after:
            continue
        member.roles = after
        member.save(update_fields=["roles"])
        audit(
            actor, "person.roles_changed", "person", user.user_id,
            {"roles": before}, {"roles": after, "reason": "groups of the directory (SCIM)"},
        )  # fmt: skip
        tell_rights(user.tenant_id, user.user_id)
