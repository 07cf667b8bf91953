"""What models can do, and which of them a tenant's calls are given."""

import kernel.clock
import kernel.ids
from django.db import migrations, models

from kernel.rls import ForceTenantRLS


class Migration(migrations.Migration):

    dependencies = [
        ('gateway', '0006_stored_responses'),
    ]

    operations = [
        migrations.AddField(
            model_name='model',
            name='capabilities',
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name='model',
            name='region',
            field=models.CharField(blank=True, default='', max_length=40),
        ),
        migrations.AddField(
            model_name='model',
            name='tier',
            field=models.CharField(blank=True, default='', max_length=10),
        ),
        migrations.CreateModel(
            name='Decision',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('call_id', models.UUIDField()),
                ('kind', models.CharField(max_length=20)),
                ('at', models.DateTimeField()),
                ('user_id', models.UUIDField()),
                ('agent_id', models.UUIDField()),
                ('key_id', models.UUIDField()),
                ('asked', models.CharField(max_length=200)),
                ('need', models.JSONField()),
                ('model_id', models.UUIDField()),
                ('model', models.CharField(max_length=300)),
                ('reason', models.CharField(max_length=200)),
                ('candidates', models.JSONField()),
                ('from_cache', models.BooleanField()),
                ('attempts', models.JSONField(default=list)),
                ('outcome', models.CharField(max_length=60)),
                ('answered', models.CharField(max_length=300)),
                ('first_token_ms', models.IntegerField(null=True)),
                ('shadow', models.CharField(default='', max_length=300)),
            ],
            options={
                'indexes': [models.Index(fields=['tenant_id', '-id'], name='decision_by_time'), models.Index(fields=['at'], name='decision_expiry')],
            },
        ),
        migrations.CreateModel(
            name='RoutingPolicy',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('rules', models.JSONField(default=dict)),
                ('updated_at', models.DateTimeField(default=kernel.clock.now)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id',), name='routing_policy_once')],
            },
        ),
        ForceTenantRLS("gateway_routingpolicy"),
        ForceTenantRLS("gateway_decision"),
    ]
