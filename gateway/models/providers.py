"""Tables of providers and their models: platform-wide, without a tenant.

The app role may only read them; writing goes through platform units (`gateway.verbs`). Keys are
sealed (`kernel.crypto`); a provider found in the environment has no stored key at all.
"""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Lower

from kernel.clock import now
from kernel.ids import uuid7


class Provider(models.Model):
    """An address that serves models, and how to speak to it. `kind`: see `gateway.presets`."""

    class Source(models.TextChoices):
        """Where the provider comes from."""

        ROW = "row", "Added by an administrator"
        ENVIRONMENT = "environment", "Found in the environment"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=40)
    # Empty: the kind's own address.
    base_url = models.CharField(max_length=500, default="", blank=True)
    sealed_key = models.BinaryField(null=True)
    # The last letters of the key, for recognising it.
    key_hint = models.CharField(max_length=12, default="", blank=True)
    source = models.CharField(max_length=12, choices=Source, default=Source.ROW)
    # What administrators wish; `is_present` is what the environment says.
    enabled = models.BooleanField(default=True)
    # False: it came from a variable that is not set any more, or from a server that is gone.
    is_present = models.BooleanField(default=True)
    # Runs on machines of one's own; null: as its kind usually does (see `gateway.hosting`).
    self_hosted = models.BooleanField(null=True)
    created_at = models.DateTimeField(default=now, editable=False)
    updated_at = models.DateTimeField(default=now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("name"), name="provider_name_once"),
            models.UniqueConstraint(
                fields=["kind"],
                condition=models.Q(source="environment"),
                name="provider_environment_kind_once",
            ),
            models.CheckConstraint(
                condition=models.Q(source__in=["row", "environment"]), name="provider_source_known"
            ),
            models.CheckConstraint(
                condition=models.Q(source="row") | models.Q(sealed_key__isnull=True),
                name="provider_environment_stores_no_key",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_usable(self) -> bool:
        """Whether its models may be chosen."""
        return self.enabled and self.is_present


class Model(models.Model):
    """A model of a provider. `window`, `output_limit`: tokens, always known (see `presets`)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="models")
    # The provider's own name of it, sent as is.
    name = models.CharField(max_length=200)
    display_name = models.CharField(max_length=200)
    window = models.PositiveIntegerField()
    output_limit = models.PositiveIntegerField()
    # What is said of it; null or empty: see `gateway.traits`, which guesses.
    capabilities = models.JSONField(null=True)
    tier = models.CharField(max_length=10, default="", blank=True)
    region = models.CharField(max_length=40, default="", blank=True)
    is_default = models.BooleanField(default=False)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["provider", "name"], name="model_name_once"),
            models.UniqueConstraint(
                fields=["is_default"],
                condition=models.Q(is_default=True),
                name="model_default_once",
            ),
            models.CheckConstraint(
                condition=models.Q(window__gt=0, output_limit__gt=0), name="model_limits_positive"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Price(models.Model):
    """What a model costs from `valid_from` on: micro-dollars for a million tokens."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="prices")
    valid_from = models.DateTimeField()
    input_micros = models.BigIntegerField()
    # Of input tokens that the provider had cached.
    cached_micros = models.BigIntegerField()
    output_micros = models.BigIntegerField()
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["model", "valid_from"], name="price_once"),
            models.CheckConstraint(
                condition=models.Q(input_micros__gte=0, cached_micros__gte=0, output_micros__gte=0),
                name="price_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model_id} from {self.valid_from}"
