"""What was forgotten in bulk, so that what was on its way then does not come back."""

from django.db import migrations, models

import kernel.clock
import kernel.ids
from kernel.rls import ForceTenantRLS


class Migration(migrations.Migration):
    dependencies = [
        ("memory", "0005_retention"),
    ]

    operations = [
        migrations.CreateModel(
            name="MemoryForgetting",
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
                ("agent_id", models.UUIDField(null=True)),
                ("conversation_id", models.UUIDField(null=True)),
                ("turn_id", models.UUIDField(null=True)),
                ("said_from", models.DateTimeField(null=True)),
                ("said_before", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["tenant_id", "user_id", "created_at"],
                        name="forgetting_of_a_user",
                    )
                ],
            },
        ),
        ForceTenantRLS("memory_memoryforgetting"),
    ]
