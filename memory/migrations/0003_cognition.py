"""Cognition: minds and their history, links, traces, facts, sleep cycles; each sealed by tenant."""

import django.db.models.deletion
import kernel.clock
import kernel.ids
from django.db import migrations, models

from kernel.rls import ForceTenantRLS


class Migration(migrations.Migration):

    dependencies = [
        ('memory', '0002_names_and_neighbours'),
    ]

    operations = [
        migrations.CreateModel(
            name='Mind',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('agent_id', models.UUIDField()),
                ('levels', models.JSONField()),
                ('levels_at', models.DateTimeField(default=kernel.clock.now)),
                ('weights', models.JSONField()),
                ('feedback_count', models.PositiveIntegerField(default=0)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'agent_id'), name='mind_once_an_agent')],
            },
        ),
        migrations.CreateModel(
            name='MindChange',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('agent_id', models.UUIDField()),
                ('cause', models.CharField(max_length=20)),
                ('reason', models.CharField(default='', max_length=500)),
                ('levels', models.JSONField()),
                ('weights', models.JSONField()),
                ('is_undone', models.BooleanField(default=False)),
                ('idempotency_key', models.CharField(max_length=200, null=True)),
            ],
            options={
                'indexes': [models.Index(fields=['tenant_id', 'agent_id', '-id'], name='mind_change_by_time')],
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'idempotency_key'), name='mind_change_once_a_key'), models.CheckConstraint(condition=models.Q(('cause__in', ['feedback', 'adjust', 'reset', 'rollback'])), name='mind_change_cause_known')],
            },
        ),
        migrations.CreateModel(
            name='SleepCycleRecord',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('user_id', models.UUIDField()),
                ('agent_id', models.UUIDField()),
                ('namespace', models.CharField(max_length=32)),
                ('state', models.CharField(default='waiting', max_length=12)),
                ('stage', models.CharField(default='active', max_length=8)),
                ('depth', models.CharField(max_length=8)),
                ('trigger', models.CharField(max_length=10)),
                ('is_dry_run', models.BooleanField(default=False)),
                ('max_seconds', models.FloatField(default=300.0)),
                ('worked_ms', models.FloatField(default=0.0)),
                ('step', models.CharField(default='', max_length=10)),
                ('cursor', models.UUIDField(null=True)),
                ('done', models.PositiveIntegerField(default=0)),
                ('total', models.PositiveIntegerField(default=0)),
                ('counts', models.JSONField(default=dict)),
                ('changes', models.JSONField(default=list)),
                ('failures', models.PositiveSmallIntegerField(default=0)),
                ('error', models.CharField(default='', max_length=200)),
                ('finished_at', models.DateTimeField(null=True)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state__in', ['waiting', 'running'])), fields=['id'], name='sleep_open'), models.Index(fields=['tenant_id', 'user_id', 'agent_id', '-id'], name='sleep_by_time')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state__in', ['waiting', 'running'])), fields=('tenant_id', 'user_id', 'agent_id', 'namespace'), name='sleep_once_at_a_time'), models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'running', 'finished', 'interrupted', 'failed'])), name='sleep_state_known')],
            },
        ),
        migrations.CreateModel(
            name='MemoryFact',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('user_id', models.UUIDField()),
                ('agent_id', models.UUIDField()),
                ('namespace', models.CharField(max_length=32)),
                ('slot', models.CharField(max_length=200)),
                ('value', models.CharField(max_length=100)),
                ('said_at', models.DateTimeField()),
                ('memory', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memory.memory')),
            ],
            options={
                'indexes': [models.Index(fields=['tenant_id', 'user_id', 'agent_id', 'namespace', 'slot'], name='memory_fact_by_slot')],
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'memory'), name='memory_fact_once')],
            },
        ),
        migrations.CreateModel(
            name='MemoryLink',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('relation', models.CharField(max_length=16)),
                ('weight', models.FloatField(default=1.0)),
                ('source', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memory.memory')),
                ('target', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memory.memory')),
            ],
            options={
                'indexes': [models.Index(fields=['tenant_id', 'target', 'relation'], name='memory_link_backwards')],
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'source', 'target', 'relation'), name='memory_link_once'), models.CheckConstraint(condition=models.Q(('weight__gte', 0), ('weight__lte', 1)), name='memory_link_weight_share'), models.CheckConstraint(condition=models.Q(('source', models.F('target')), _negated=True), name='memory_link_not_to_itself')],
            },
        ),
        migrations.CreateModel(
            name='MemoryTrace',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('salience', models.FloatField()),
                ('strength', models.FloatField()),
                ('replays', models.PositiveIntegerField(default=1)),
                ('replayed_at', models.DateTimeField(default=kernel.clock.now)),
                ('is_drawn', models.BooleanField(default=False)),
                ('memory', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memory.memory')),
                ('repeats', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memory.memory')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'memory'), name='memory_trace_once')],
            },
        ),
        ForceTenantRLS("memory_mind"),
        ForceTenantRLS("memory_mindchange"),
        ForceTenantRLS(
            "memory_memorylink",
            {"source_id": ("memory_memory", "CASCADE"), "target_id": ("memory_memory", "CASCADE")},
        ),
        ForceTenantRLS(
            "memory_memorytrace",
            {"memory_id": ("memory_memory", "CASCADE"), "repeats_id": ("memory_memory", "SET NULL")},
        ),
        ForceTenantRLS("memory_memoryfact", {"memory_id": ("memory_memory", "CASCADE")}),
        ForceTenantRLS("memory_sleepcyclerecord"),
    ]
