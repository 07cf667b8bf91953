"""Tables of signing in beyond the person and the session themselves.

All are read before a tenant is known and hold secrets as digests or sealed; only `saas.identity`
touches them, by key. Invitations belong to a tenant and are sealed like every tenant table.
"""

from typing import ClassVar

from django.db import models

from kernel.clock import now
from kernel.ids import uuid7
from kernel.tenancy import TenantModel


class IdentityPolicy(models.Model):
    """What a tenant asks of those who sign in. A tenant without a row has the defaults."""

    class Mfa(models.TextChoices):
        """Who needs a second factor."""

        OFF = "off", "Off"
        OPTIONAL = "optional", "Optional"
        ADMINS = "admins", "Required for administrators"
        REQUIRED = "required", "Required"

    tenant_id = models.UUIDField(primary_key=True)
    mfa = models.CharField(max_length=10, choices=Mfa, default=Mfa.OPTIONAL)
    # Null: as the settings of the platform say.
    session_limit = models.PositiveSmallIntegerField(null=True)
    idle_minutes = models.PositiveIntegerField(null=True)
    absolute_hours = models.PositiveIntegerField(null=True)
    # False: a platform admin acts as somebody here only after a second one approved it.
    allows_impersonation = models.BooleanField(default=True, db_default=True)

    def __str__(self) -> str:
        return f"{self.tenant_id}: {self.mfa}"


class AuthenticatorApp(models.Model):
    """A person's authenticator (RFC 6238). Sealed; counts once it is confirmed."""

    user = models.OneToOneField(
        "saas.User", primary_key=True, on_delete=models.CASCADE, related_name="+"
    )
    sealed = models.BinaryField()
    confirmed_at = models.DateTimeField(null=True)
    # The time step of the last accepted code: that one and older ones are spent.
    last_step = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.user_id)


class RecoveryCode(models.Model):
    """A code that works once when the phone is lost; kept as its digest."""

    digest = models.CharField(max_length=64, primary_key=True)
    user = models.ForeignKey("saas.User", on_delete=models.CASCADE, related_name="+")
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.user_id)


class Passkey(models.Model):
    """A public key of a person's authenticator (WebAuthn)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey("saas.User", on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=100)
    credential_id = models.BinaryField(unique=True)
    public_key = models.BinaryField()
    sign_count = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=now, editable=False)
    last_used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.id)


class OneTimeSecret(models.Model):
    """A secret that somebody holds for one purpose, works once, and ends by itself.

    Links of mails, sign-ins that wait for a second factor, challenges of passkeys, codes of the
    authorization-code grant. `data`: what the purpose needs; of secrets at most a password's hash.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    purpose = models.CharField(max_length=20)
    user = models.ForeignKey("saas.User", null=True, on_delete=models.CASCADE, related_name="+")
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=now, editable=False)
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.purpose


class Consent(models.Model):
    """A person let a program act for them in a tenant, within a scope. Revoked: the row is gone."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey("saas.User", on_delete=models.CASCADE, related_name="+")
    # Null: the person was in none.
    tenant = models.ForeignKey("saas.Tenant", null=True, on_delete=models.CASCADE, related_name="+")
    # What the program says that it is called: nobody can vouch for it (RFC 8252, section 8.6).
    client_id = models.CharField(max_length=100)
    scope = models.CharField(max_length=300)
    # Of the last time.
    redirect_uri = models.CharField(max_length=300)
    allowed_at = models.DateTimeField(default=now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "tenant", "client_id", "scope"],
                name="consent_once",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class RefreshToken(models.Model):
    """One link of a session's chain of refresh tokens; only the last one is unspent.

    The authorization code that began a chain is its first link, spent from the beginning.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    session = models.ForeignKey("saas.Session", on_delete=models.CASCADE, related_name="+")
    scope = models.CharField(max_length=300)
    expires_at = models.DateTimeField(db_index=True)
    spent_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.session_id)


class SigningKey(models.Model):
    """A key of access tokens: published, then signing, then only published, then gone."""

    kid = models.CharField(max_length=64, primary_key=True)
    sealed = models.BinaryField()
    public = models.JSONField()
    signs_from = models.DateTimeField()
    # Null while it is the newest.
    published_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.kid


class Mail(models.Model):
    """A message to a person, kept before it is sent. It may hold a link that works once."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    recipient = models.CharField(max_length=254)
    subject = models.CharField(max_length=200)
    body = models.TextField()
    created_at = models.DateTimeField(default=now, editable=False)
    due_at = models.DateTimeField(default=now)
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=200, default="")

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"], name="mail_waiting", condition=models.Q(sent_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return self.subject


class ResetRequest(models.Model):
    """Somebody typed this address under "forgotten password"; the worker looks whether it exists.

    Whoever asks waits for the same one insert, whatever the address.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.CharField(max_length=254)
    created_at = models.DateTimeField(default=now, editable=False)

    def __str__(self) -> str:
        return str(self.id)


class Invitation(TenantModel):
    """A place in a tenant that waits for the person behind an address."""

    email = models.CharField(max_length=254)
    role = models.CharField(max_length=40)
    digest = models.CharField(max_length=64, unique=True)
    invited_by = models.UUIDField()
    expires_at = models.DateTimeField()
    sent_at = models.DateTimeField(default=now)
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "email"],
                condition=models.Q(accepted_at__isnull=True, revoked_at__isnull=True),
                name="invitation_open_once",
            ),
        ]


class Impersonation(TenantModel):
    """A platform admin acts, or wants to act, as a person of the tenant."""

    class Status(models.TextChoices):
        """Its life, in this order; `waiting` only where a second admin has to approve."""

        WAITING = "waiting"
        READY = "ready"
        BEGUN = "begun"
        ENDED = "ended"

    admin_id = models.UUIDField()
    user_id = models.UUIDField()
    reason = models.CharField(max_length=300)
    status = models.CharField(max_length=10, choices=Status)
    approved_by = models.UUIDField(null=True)
    session_id = models.UUIDField(null=True)
    begun_at = models.DateTimeField(null=True)
    # Of the present status: until when it waits, may be begun, or goes on.
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_why = models.CharField(max_length=20, default="", db_default="")

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["expires_at"],
                condition=~models.Q(status="ended"),
                name="impersonation_open",
            ),
        ]
