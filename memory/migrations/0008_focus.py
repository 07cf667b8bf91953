"""Working memory: which memories a person and an agent are concerned with now."""

import django.db.models.deletion
from django.db import migrations, models

import kernel.clock
import kernel.ids
from kernel.rls import ForceTenantRLS


class Migration(migrations.Migration):
    dependencies = [
        ("memory", "0007_givens"),
    ]

    operations = [
        migrations.CreateModel(
            name="MemoryFocus",
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
                ("namespace", models.CharField(max_length=32)),
                ("touched_at", models.DateTimeField(default=kernel.clock.now)),
                (
                    "memory",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="memory.memory",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "memory"), name="memory_focus_once"
                    )
                ],
                "indexes": [
                    models.Index(
                        fields=["tenant_id", "user_id", "agent_id", "namespace"],
                        name="memory_focus_of_a_pair",
                    )
                ],
            },
        ),
        ForceTenantRLS("memory_memoryfocus", {"memory_id": ("memory_memory", "CASCADE")}),
    ]
