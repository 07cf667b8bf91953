"""Tables of provisioning: a resource as the directory sent it, beside whom it means here."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from kernel.clock import now
from kernel.tenancy import TenantModel


class ScimConnection(TenantModel):
    """The bearer of a tenant's directory, as its digest. One a tenant."""

    digest = models.CharField(max_length=64)
    default_role = models.CharField(max_length=20)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id"], name="scim_connection_once"),
        ]


class ScimUser(TenantModel):
    """A person as the directory sees them. `data`: the attributes of RFC 7643, section 4.1."""

    user_id = models.UUIDField()
    # In lower case: it is compared without its case (RFC 7643, section 4.1.1).
    user_name = models.CharField(max_length=254)
    external_id = models.CharField(max_length=300, default="")
    data = models.JSONField(default=dict)
    # False: the directory has suspended the membership, and may let it back in.
    is_active = models.BooleanField(default=True)
    # The further roles that groups gave, to be taken back with them.
    given = ArrayField(models.CharField(max_length=20), default=list)
    changed_at = models.DateTimeField(default=now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "user_id"], name="scim_user_once"),
            models.UniqueConstraint(fields=["tenant_id", "user_name"], name="scim_user_name_once"),
        ]


class ScimGroup(TenantModel):
    """A group of the directory. `role`: what its members get; empty: nothing."""

    display_name = models.CharField(max_length=300)
    external_id = models.CharField(max_length=300, default="")
    role = models.CharField(max_length=20, default="")
    changed_at = models.DateTimeField(default=now)


class ScimMember(TenantModel):
    """Who is in a group."""

    group = models.ForeignKey(
        ScimGroup, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    user = models.ForeignKey(
        ScimUser, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "group", "user"], name="scim_member_once"),
        ]
