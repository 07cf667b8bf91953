"""How long memories are kept, by tenant and by person."""

from django.db import migrations, models

import kernel.clock
import kernel.ids
from kernel.rls import ForceTenantRLS


class Migration(migrations.Migration):
    dependencies = [
        ("memory", "0004_words_and_sketches"),
    ]

    operations = [
        migrations.CreateModel(
            name="MemoryRetention",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("tenant_id", models.UUIDField(editable=False)),
                ("created_at", models.DateTimeField(default=kernel.clock.now, editable=False)),
                ("user_id", models.UUIDField(null=True)),
                ("days", models.PositiveIntegerField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "user_id"),
                        name="retention_once",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("days__gte", 1), ("days__lte", 36500)),
                        name="retention_days_sane",
                    ),
                ],
            },
        ),
        ForceTenantRLS("memory_memoryretention"),
    ]
