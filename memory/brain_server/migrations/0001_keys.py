"""Keys of the brain's service; the app role may only look one up."""

import kernel.clock
import kernel.ids
from django.db import migrations, models

from kernel.rls import GrantGlobal


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='BrainKey',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(null=True)),
                ('name', models.CharField(max_length=100)),
                ('digest', models.BinaryField(max_length=32)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('revoked_at', models.DateTimeField(null=True)),
            ],
            options={
                'db_table': 'brain_server_key',
            },
        ),
        GrantGlobal("brain_server_key", app="SELECT", platform="SELECT, INSERT, UPDATE"),
    ]
