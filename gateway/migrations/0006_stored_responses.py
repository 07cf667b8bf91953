"""Answers of /v1/responses, kept so that a program can go on from them."""

import kernel.clock
import kernel.ids
from django.db import migrations, models

from kernel.rls import ForceTenantRLS


class Migration(migrations.Migration):

    dependencies = [
        ('gateway', '0005_provider_is_self_hosted'),
    ]

    operations = [
        migrations.CreateModel(
            name='StoredResponse',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('user_id', models.UUIDField()),
                ('messages', models.JSONField()),
                ('body', models.JSONField()),
                ('expires_at', models.DateTimeField()),
            ],
            options={
                'indexes': [models.Index(fields=['expires_at'], name='response_expiry')],
            },
        ),
        ForceTenantRLS("gateway_storedresponse"),
    ]
