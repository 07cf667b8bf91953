"""People, tenants, memberships, sessions and the audit log.

Tenant, User, Membership, Session, SignInAttempt and Ticket are read before a tenant is known, so
they carry no row-level security; only `saas.identity` and the platform verbs touch them, by key.
"""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.expressions import RawSQL
from django.db.models.functions import Lower

from kernel.clock import now
from kernel.ids import uuid7
from kernel.tenancy import TenantModel

# Registered with the app; only `identity`, `keycloak`, `scim` and `sso` of `saas` use theirs.
from saas.identity import models as identity_models  # noqa: F401
from saas.keycloak import models as keycloak_models  # noqa: F401
from saas.scim import models as scim_models  # noqa: F401
from saas.sso import models as sso_models  # noqa: F401

_EMPTY = RawSQL("'{}'::varchar[]", ())
_NO_IDS = RawSQL("'{}'::uuid[]", ())


class Role(models.TextChoices):
    """What a membership makes of a person in one tenant: relations of `saas.authz.schema`."""

    SYSADMIN = "sysadmin", "Tenant sysadmin"
    ADMIN = "admin", "Tenant admin"
    DEVELOPER = "developer", "Developer"
    TRAINER = "trainer", "Trainer"
    MEMBER = "member", "Member"
    VIEWER = "viewer", "Viewer"
    BILLING_ADMIN = "billing_admin", "Billing admin"
    SECURITY_AUDITOR = "security_auditor", "Security auditor"


class Tenant(models.Model):
    """An organisation: the unit of isolation, billing and branding."""

    class Status(models.TextChoices):
        """Life of a tenant."""

        ACTIVE = "active"
        SUSPENDED = "suspended"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=60, unique=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.ACTIVE)
    suspended_at = models.DateTimeField(null=True)
    suspended_why = models.CharField(max_length=300, default="", db_default="")
    created_at = models.DateTimeField(default=now, editable=False)
    # "#rrggbb" in lower case; empty: the interface's own.
    brand_colour = models.CharField(max_length=7, default="", db_default="")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(brand_colour="")
                | models.Q(brand_colour__regex=r"^#[0-9a-f]{6}$"),
                name="tenant_brand_colour",
            )
        ]

    def __str__(self) -> str:
        return self.slug


class User(models.Model):
    """A person. May belong to several tenants."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.CharField(max_length=254)
    display_name = models.CharField(max_length=200)
    # argon2id, in the PHC string format.
    password_hash = models.CharField(max_length=200)
    must_change_password = models.BooleanField(default=False)
    is_platform_admin = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(Lower("email"), name="user_email_once")]

    def __str__(self) -> str:
        return str(self.id)


class Membership(models.Model):
    """A person's standing in one tenant: everything that a check needs to know of it.

    Written inside a unit of the tenant (a policy of the database), read before one is known. A
    trigger keeps a tenant from losing its last sysadmin.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    role = models.CharField(max_length=20, choices=Role)
    # Further system roles, roles of the tenant's own, and what the latter come to (permissions of
    # the tenant): `saas.people.roles` keeps that current.
    roles = ArrayField(models.CharField(max_length=20), default=list, db_default=_EMPTY)
    own_roles = ArrayField(models.UUIDField(), default=list, db_default=_NO_IDS)
    rights = ArrayField(models.CharField(max_length=40), default=list, db_default=_EMPTY)
    # Whether `saas_grant` has a row of this person: without one nobody looks there.
    has_grants = models.BooleanField(default=False, db_default=False)
    suspended_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "tenant"], name="membership_once"),
            models.CheckConstraint(
                condition=models.Q(role__in=Role.values, roles__contained_by=Role.values),
                name="membership_role_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.tenant_id}"


class TenantRole(TenantModel):
    """A role of a tenant's own: a name for some permissions of the tenant."""

    name = models.CharField(max_length=60)
    permissions = ArrayField(models.CharField(max_length=40))

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("tenant_id", Lower("name"), name="tenant_role_once"),
        ]


class Grant(TenantModel):
    """A relation of a person to one object, beside what roles and owners have."""

    object_type = models.CharField(max_length=30)
    object_id = models.UUIDField()
    relation = models.CharField(max_length=30)
    user_id = models.UUIDField()
    granted_by = models.UUIDField()
    reason = models.CharField(max_length=300)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "user_id", "object_type", "relation", "object_id"],
                name="grant_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "object_type", "object_id"], name="grant_by_object"),
        ]


class Session(models.Model):
    """A signed-in browser. The cookie's secret is stored as its SHA-256 only."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    tenant = models.ForeignKey(Tenant, null=True, on_delete=models.SET_NULL, related_name="+")
    secret_hash = models.CharField(max_length=64, unique=True)
    # The one before the last rotation: requests that were on their way still bear it.
    previous_hash = models.CharField(max_length=64, default="", db_index=True)
    rotated_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=now, editable=False)
    last_seen_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, default="")
    # Digest of the long-lived cookie by which a device is known again.
    device = models.CharField(max_length=64, default="")
    # How it was signed in (RFC 8176, section 2), separated by blanks; and when last.
    methods = models.CharField(max_length=60, default="pwd")
    authenticated_at = models.DateTimeField(default=now)
    # Held by a program through a refresh token: it does not end by idleness.
    is_program = models.BooleanField(default=False)
    # What let the program in, where it came with an authorization code.
    consent = models.ForeignKey(
        "saas.Consent", null=True, on_delete=models.SET_NULL, related_name="sessions"
    )
    # Two factors were shown.
    is_strong = models.BooleanField(default=False)
    # A platform admin acts as `user`: who, in which session of theirs, and whether a second one
    # approved it. `saas.identity.impersonation`.
    acted_by = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="+")
    acted_from = models.UUIDField(null=True, db_index=True)
    is_break_glass = models.BooleanField(default=False, db_default=False)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["user", "-created_at"], name="session_by_person"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class SignInAttempt(models.Model):
    """One try at signing in. `account` is a digest of the e-mail that was typed."""

    account = models.CharField(max_length=64)
    address = models.CharField(max_length=64)
    # The /24 (IPv4) or /64 (IPv6) of the address.
    network = models.CharField(max_length=64, default="")
    user_agent = models.CharField(max_length=300, default="")
    succeeded = models.BooleanField()
    at = models.DateTimeField(default=now)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["account", "address", "at"], name="attempt_by_account"),
            models.Index(fields=["address", "at"], name="attempt_by_address"),
            models.Index(fields=["network", "at"], name="attempt_by_network"),
            models.Index(fields=["account", "at"], name="attempt_of_account"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Ticket(models.Model):
    """A one-use pass for opening a WebSocket without a cookie."""

    secret_hash = models.CharField(max_length=64, primary_key=True)
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="+")
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.session_id)


class OperatingMode(models.Model):
    """The mode of a tenant that chose its own, and under the nil tenant that of the platform."""

    tenant_id = models.UUIDField(primary_key=True)
    mode = models.CharField(max_length=12)
    changed_at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return f"{self.tenant_id}: {self.mode}"


class AuditEntry(TenantModel):
    """Who did what to what. Append-only at database level; secrets never enter.

    `as_user_id`: as whom `actor_id` acted, where that was somebody else.
    """

    actor_id = models.UUIDField()
    as_user_id = models.UUIDField(null=True)
    action = models.CharField(max_length=100)
    object_type = models.CharField(max_length=50)
    object_id = models.CharField(max_length=100)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    request_id = models.CharField(max_length=64, default="")
    address = models.CharField(max_length=64, default="", db_default="")

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "-created_at"], name="audit_by_time"),
        ]


class AuditSeal(TenantModel):
    """A link of the chain over a tenant's audit entries: see `saas.audit.sealing`. Append-only."""

    seq = models.PositiveBigIntegerField()
    entry_id = models.UUIDField()
    # SHA-256, in hexadecimal.
    previous = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "seq"], name="audit_seal_seq_once"),
            models.UniqueConstraint(fields=["tenant_id", "entry_id"], name="audit_seal_entry_once"),
        ]


class AuditArchive(TenantModel):
    """A stretch of the chain that lies in object storage: see `saas.audit.archiving`. Append-only.

    `since`, `until`: of its first and last entry. `sha256`: of the object, in hexadecimal.
    """

    first_seq = models.PositiveBigIntegerField()
    last_seq = models.PositiveBigIntegerField()
    last_digest = models.CharField(max_length=64)
    since = models.DateTimeField()
    until = models.DateTimeField()
    key = models.CharField(max_length=100)
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "first_seq"], name="audit_archive_once"),
        ]


class SetupStep(TenantModel):
    """A step of setting up an organisation that was done or skipped: see `saas.setup`."""

    name = models.CharField(max_length=20)
    state = models.CharField(max_length=10)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "name"], name="setup_step_once"),
        ]
