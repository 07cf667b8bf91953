"""What a person wrote down while the brain was away."""

from django.db import migrations, models

import kernel.clock
import kernel.ids
from kernel.rls import ForceTenantRLS


class Migration(migrations.Migration):
    dependencies = [
        ("memory", "0006_forgettings"),
    ]

    operations = [
        migrations.CreateModel(
            name="MemoryGiven",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("tenant_id", models.UUIDField(editable=False)),
                ("created_at", models.DateTimeField(default=kernel.clock.now, editable=False)),
                ("user_id", models.UUIDField()),
                ("agent_id", models.UUIDField()),
                ("kind", models.CharField(max_length=16)),
                ("text", models.TextField()),
                ("said_at", models.DateTimeField()),
                ("idempotency_key", models.CharField(max_length=200)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["tenant_id", "user_id"], name="given_of_a_user")
                ],
            },
        ),
        ForceTenantRLS("memory_memorygiven"),
    ]
