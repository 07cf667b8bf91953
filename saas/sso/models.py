"""Tables of single sign-on. Sealed like every tenant table; read across tenants by id alone."""

from typing import ClassVar

from django.db import models

from kernel.clock import now
from kernel.tenancy import TenantModel


class IdentityProvider(TenantModel):
    """Where people of a tenant sign in. The client's secret is sealed, bound to the row."""

    class Kind(models.TextChoices):
        """The protocol, and for those known by name the address."""

        OIDC = "oidc", "OpenID Connect"
        GOOGLE = "google", "Google"
        GITHUB = "github", "GitHub"

    name = models.CharField(max_length=60)
    kind = models.CharField(max_length=10, choices=Kind)
    # Empty for those known by name.
    issuer = models.CharField(max_length=500, default="")
    client_id = models.CharField(max_length=300)
    sealed_secret = models.BinaryField()
    # What a person gets who comes for the first time.
    default_role = models.CharField(max_length=20)
    is_enabled = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "name"], name="sso_provider_once"),
        ]


class SsoDomain(TenantModel):
    """Addresses that a provider may speak for, once the domain was shown to be the tenant's."""

    provider = models.ForeignKey(
        IdentityProvider, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    domain = models.CharField(max_length=189)
    # What the domain's web server shows as proof.
    proof = models.CharField(max_length=64)
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "domain"], name="sso_domain_once"),
            # Of the whole installation: an address leads to one provider.
            models.UniqueConstraint(
                fields=["domain"],
                condition=models.Q(confirmed_at__isnull=False),
                name="sso_domain_confirmed_once",
            ),
        ]


class ExternalIdentity(TenantModel):
    """Who a provider's subject is here."""

    provider = models.ForeignKey(
        IdentityProvider, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    subject = models.CharField(max_length=255)
    user_id = models.UUIDField()
    last_used_at = models.DateTimeField(default=now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "provider", "subject"], name="external_identity_once"
            ),
        ]
