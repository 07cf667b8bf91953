"""The mode of the platform and of tenants that chose their own."""

from django.db import migrations, models

import kernel.clock
from kernel.rls import GrantGlobal


class Migration(migrations.Migration):

    dependencies = [
        ('saas', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='OperatingMode',
            fields=[
                ('tenant_id', models.UUIDField(primary_key=True, serialize=False)),
                ('mode', models.CharField(max_length=12)),
                ('changed_at', models.DateTimeField(default=kernel.clock.now)),
            ],
        ),
        GrantGlobal("saas_operatingmode", app="select", platform="select, insert, update, delete"),
    ]
