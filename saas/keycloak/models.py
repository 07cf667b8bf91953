"""Who is who in Keycloak. Read before a tenant is known, by exact key."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from kernel.clock import now


class RealmAccount(models.Model):
    """The account of a person. `joined`: tenants whose organisation let the person in once.

    Who is removed from a tenant afterwards does not come back by the organisation, however late
    Keycloak hears of it.
    """

    subject = models.CharField(max_length=255, primary_key=True)
    user_id = models.UUIDField(unique=True)
    joined = ArrayField(models.UUIDField(), default=list)
    last_used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.subject


class RealmSession(models.Model):
    """Which session there (`sid`) a session here came from, while it is open."""

    session_id = models.UUIDField(primary_key=True)
    sid = models.CharField(max_length=255)
    created_at = models.DateTimeField(default=now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["sid"], name="realm_session_by_sid")]

    def __str__(self) -> str:
        return str(self.session_id)
