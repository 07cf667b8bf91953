"""Who is who in Keycloak, and which of its sessions ours came from."""

import django.contrib.postgres.fields
import kernel.clock
from django.db import migrations, models

from kernel.rls import GrantGlobal

ALL = "select, insert, update, delete"


class Migration(migrations.Migration):

    dependencies = [
        ('saas', '0007_impersonation'),
    ]

    operations = [
        migrations.CreateModel(
            name='RealmAccount',
            fields=[
                ('subject', models.CharField(max_length=255, primary_key=True, serialize=False)),
                ('user_id', models.UUIDField(unique=True)),
                ('joined', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), default=list, size=None)),
                ('last_used_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='RealmSession',
            fields=[
                ('session_id', models.UUIDField(primary_key=True, serialize=False)),
                ('sid', models.CharField(max_length=255)),
                ('created_at', models.DateTimeField(default=kernel.clock.now)),
            ],
            options={
                'indexes': [models.Index(fields=['sid'], name='realm_session_by_sid')],
            },
        ),
        GrantGlobal("saas_realmaccount", app="select, insert, update", platform=ALL),
        GrantGlobal("saas_realmsession", app=ALL, platform=ALL),
    ]
