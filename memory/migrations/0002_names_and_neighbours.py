"""Names that memories mention, and the index that finds the turns beside one."""

import kernel.clock
import kernel.ids
from django.db import migrations, models

from kernel.rls import ForceTenantRLS


class Migration(migrations.Migration):
    dependencies = [
        ("memory", "0001_memory_and_its_indexes"),
    ]

    operations = [
        migrations.CreateModel(
            name="MemoryName",
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
                ("namespace", models.CharField(max_length=32)),
                ("memory_id", models.UUIDField()),
                ("name", models.CharField(max_length=60)),
            ],
        ),
        migrations.AddIndex(
            model_name="memory",
            index=models.Index(
                fields=["tenant_id", "conversation_id", "said_at", "id"],
                name="memory_of_a_conversation",
            ),
        ),
        migrations.AddIndex(
            model_name="memoryname",
            index=models.Index(
                fields=["tenant_id", "user_id", "namespace", "name", "memory_id"],
                name="memory_name_holders",
            ),
        ),
        migrations.AddConstraint(
            model_name="memoryname",
            constraint=models.UniqueConstraint(
                fields=("tenant_id", "memory_id", "name"), name="memory_name_once"
            ),
        ),
        ForceTenantRLS("memory_memoryname", {"memory_id": ("memory_memory", "CASCADE")}),
    ]
