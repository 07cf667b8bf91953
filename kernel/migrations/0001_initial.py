"""Outbox, inbox and idempotency records, sealed per tenant."""

import kernel.clock
import kernel.ids
from django.db import migrations, models


from kernel.rls import ForceTenantRLS


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='IdempotencyRecord',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('operation', models.CharField(max_length=100)),
                ('key', models.CharField(max_length=200)),
                ('user_id', models.UUIDField()),
                ('request_digest', models.CharField(max_length=64)),
                ('result', models.JSONField()),
                ('expires_at', models.DateTimeField()),
            ],
            options={
                'indexes': [models.Index(fields=['expires_at'], name='idempotency_by_expiry')],
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'user_id', 'operation', 'key'), name='idempotency_once')],
            },
        ),
        migrations.CreateModel(
            name='InboxRecord',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('consumer', models.CharField(max_length=100)),
                ('event_id', models.UUIDField()),
            ],
            options={
                'indexes': [models.Index(fields=['created_at'], name='inbox_by_age')],
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'consumer', 'event_id'), name='inbox_once')],
            },
        ),
        migrations.CreateModel(
            name='OutboxEvent',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('type', models.CharField(max_length=100)),
                ('version', models.PositiveSmallIntegerField()),
                ('key', models.CharField(max_length=100)),
                ('payload', models.JSONField()),
                ('headers', models.JSONField(default=dict)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('available_at', models.DateTimeField(default=kernel.clock.now)),
                ('dead_at', models.DateTimeField(null=True)),
                ('last_error', models.CharField(default='', max_length=300)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('dead_at__isnull', True)), fields=['tenant_id', 'id'], name='outbox_pending')],
            },
        ),
        ForceTenantRLS("kernel_outboxevent"),
        ForceTenantRLS("kernel_inboxrecord"),
        ForceTenantRLS("kernel_idempotencyrecord"),
    ]
