"""Prices, keys of programs, and the ledger of what models cost."""

import django.db.models.deletion
import kernel.clock
import kernel.ids
from django.db import migrations, models

from kernel.rls import ForceTenantRLS, GrantGlobal


class Migration(migrations.Migration):

    dependencies = [
        ('gateway', '0002_provider_is_present'),
    ]

    operations = [
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('name', models.CharField(max_length=100)),
                ('user_id', models.UUIDField()),
                ('is_personal', models.BooleanField()),
                ('prefix', models.CharField(max_length=20)),
                ('secret_hash', models.CharField(max_length=64, unique=True)),
                ('scopes', models.JSONField(default=list)),
                ('allowed_models', models.JSONField(default=list)),
                ('networks', models.JSONField(default=list)),
                ('requests_a_minute', models.PositiveIntegerField(null=True)),
                ('tokens_a_minute', models.PositiveIntegerField(null=True)),
                ('expires_at', models.DateTimeField(null=True)),
                ('revoked_at', models.DateTimeField(null=True)),
                ('last_used_at', models.DateTimeField(null=True)),
                ('replaces_id', models.UUIDField(null=True)),
                ('updated_at', models.DateTimeField(default=kernel.clock.now)),
            ],
            options={
                'indexes': [models.Index(fields=['tenant_id', 'user_id'], name='apikey_by_user')],
            },
        ),
        migrations.CreateModel(
            name='Budget',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('metric', models.CharField(max_length=20)),
                ('subject', models.CharField(choices=[('tenant', 'Tenant'), ('user', 'User'), ('agent', 'Agent'), ('key', 'Key'), ('model', 'Model')], max_length=10)),
                ('subject_id', models.UUIDField(null=True)),
                ('period', models.CharField(choices=[('turn', 'Turn'), ('day', 'Day'), ('month', 'Month'), ('ever', 'Ever')], max_length=10)),
                ('limit_micros', models.BigIntegerField()),
                ('is_hard', models.BooleanField(default=True)),
                ('alerts', models.JSONField(default=list)),
                ('updated_at', models.DateTimeField(default=kernel.clock.now)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'metric', 'subject', 'subject_id', 'period'), name='budget_once', nulls_distinct=False), models.CheckConstraint(condition=models.Q(('limit_micros__gte', -1)), name='budget_limit_sane')],
            },
        ),
        migrations.CreateModel(
            name='Hold',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('process_id', models.UUIDField()),
                ('budget_id', models.UUIDField()),
                ('place', models.CharField(max_length=100)),
                ('micros', models.BigIntegerField()),
                ('expires_at', models.DateTimeField()),
            ],
            options={
                'indexes': [models.Index(fields=['expires_at'], name='hold_expiry'), models.Index(fields=['process_id'], name='hold_process')],
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'process_id', 'budget_id', 'place'), name='hold_once'), models.CheckConstraint(condition=models.Q(('micros__gte', 0)), name='hold_not_negative')],
            },
        ),
        migrations.CreateModel(
            name='Policy',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('zone', models.CharField(default='UTC', max_length=60)),
                ('allowed_models', models.JSONField(default=list)),
                ('updated_at', models.DateTimeField(default=kernel.clock.now)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id',), name='policy_once')],
            },
        ),
        migrations.CreateModel(
            name='Usage',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('call_id', models.UUIDField()),
                ('kind', models.CharField(max_length=20)),
                ('at', models.DateTimeField()),
                ('user_id', models.UUIDField(default='00000000-0000-0000-0000-000000000000')),
                ('agent_id', models.UUIDField(default='00000000-0000-0000-0000-000000000000')),
                ('key_id', models.UUIDField(default='00000000-0000-0000-0000-000000000000')),
                ('model_id', models.UUIDField(default='00000000-0000-0000-0000-000000000000')),
                ('model', models.CharField(max_length=200)),
                ('input_tokens', models.BigIntegerField()),
                ('cached_tokens', models.BigIntegerField(default=0)),
                ('output_tokens', models.BigIntegerField()),
                ('cost_micros', models.BigIntegerField()),
                ('counted', models.BooleanField()),
                ('state', models.CharField(choices=[('ok', 'Ok'), ('failed', 'Failed'), ('cancelled', 'Cancelled'), ('interrupted', 'Interrupted')], max_length=12)),
                ('note', models.CharField(default='', max_length=200)),
                ('first_token_ms', models.IntegerField(null=True)),
                ('latency_ms', models.IntegerField()),
            ],
            options={
                'indexes': [models.Index(fields=['tenant_id', '-at', '-id'], name='usage_by_time')],
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'call_id', 'kind'), name='usage_once'), models.CheckConstraint(condition=models.Q(('cached_tokens__gte', 0), ('cost_micros__gte', 0), ('input_tokens__gte', 0), ('output_tokens__gte', 0)), name='usage_not_negative')],
            },
        ),
        migrations.CreateModel(
            name='UsageTotal',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('grain', models.CharField(choices=[('hour', 'Hour'), ('day', 'Day')], max_length=4)),
                ('bucket', models.DateTimeField()),
                ('user_id', models.UUIDField()),
                ('agent_id', models.UUIDField()),
                ('key_id', models.UUIDField()),
                ('model_id', models.UUIDField()),
                ('model', models.CharField(max_length=200)),
                ('kind', models.CharField(max_length=20)),
                ('calls', models.BigIntegerField()),
                ('failures', models.BigIntegerField()),
                ('estimated', models.BigIntegerField()),
                ('input_tokens', models.BigIntegerField()),
                ('cached_tokens', models.BigIntegerField()),
                ('output_tokens', models.BigIntegerField()),
                ('cost_micros', models.BigIntegerField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'grain', 'bucket', 'user_id', 'agent_id', 'key_id', 'model_id', 'model', 'kind'), name='usage_total_once')],
            },
        ),
        migrations.CreateModel(
            name='Account',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('place', models.CharField(max_length=100)),
                ('spent_micros', models.BigIntegerField(default=0)),
                ('held_micros', models.BigIntegerField(default=0)),
                ('lent_micros', models.BigIntegerField(default=0)),
                ('budget', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='gateway.budget')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'budget', 'place'), name='account_once'), models.CheckConstraint(condition=models.Q(('held_micros__gte', 0), ('spent_micros__gte', 0)), name='account_not_negative')],
            },
        ),
        migrations.CreateModel(
            name='Price',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('valid_from', models.DateTimeField()),
                ('input_micros', models.BigIntegerField()),
                ('cached_micros', models.BigIntegerField()),
                ('output_micros', models.BigIntegerField()),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('model', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='prices', to='gateway.model')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('model', 'valid_from'), name='price_once'), models.CheckConstraint(condition=models.Q(('cached_micros__gte', 0), ('input_micros__gte', 0), ('output_micros__gte', 0)), name='price_not_negative')],
            },
        ),
        GrantGlobal("gateway_price", app="select", platform="select, insert, update, delete"),
        ForceTenantRLS("gateway_policy"),
        ForceTenantRLS("gateway_apikey"),
        ForceTenantRLS("gateway_budget"),
        ForceTenantRLS("gateway_account", {"budget_id": ("gateway_budget", "CASCADE")}),
        ForceTenantRLS("gateway_hold", {"budget_id": ("gateway_budget", "CASCADE")}),
        ForceTenantRLS("gateway_usage", append_only=True),
        ForceTenantRLS("gateway_usagetotal"),
    ]
