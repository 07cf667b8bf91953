"""Memories: the table, its indexes, row-level security, and where wide columns are kept."""

import django.contrib.postgres.search
import kernel.clock
import kernel.ids
import pgvector.django.indexes
import pgvector.django.vector
from django.db import migrations, models

from kernel.rls import ForceTenantRLS


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Memory',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('user_id', models.UUIDField()),
                ('agent_id', models.UUIDField()),
                ('namespace', models.CharField(max_length=32)),
                ('kind', models.CharField(default='episodic', max_length=16)),
                ('speaker', models.CharField(max_length=16)),
                ('text', models.TextField()),
                ('said_at', models.DateTimeField()),
                ('conversation_id', models.UUIDField(null=True)),
                ('turn_id', models.UUIDField(null=True)),
                ('message_id', models.UUIDField(null=True)),
                ('span_start', models.PositiveIntegerField(default=0)),
                ('idempotency_key', models.CharField(max_length=200)),
                ('state', models.CharField(choices=[('stored', 'Found by its words'), ('indexed', 'Found by its meaning too')], default='stored', max_length=10)),
                ('index_attempts', models.PositiveSmallIntegerField(default=0)),
                ('search', models.GeneratedField(db_persist=True, expression=django.contrib.postgres.search.CombinedSearchVector(django.contrib.postgres.search.SearchVector('text', config='simple', weight='A'), '||', django.contrib.postgres.search.SearchVector('text', config='english', weight='B'), django.contrib.postgres.search.SearchConfig('simple')), output_field=django.contrib.postgres.search.SearchVectorField())),
                ('embedding', pgvector.django.vector.VectorField(dimensions=384, null=True)),
                ('embedding_model', models.CharField(max_length=64, null=True)),
            ],
            options={
                'indexes': [models.Index(fields=['tenant_id', 'user_id', 'namespace', 'said_at', 'id'], include=('agent_id',), name='memory_of_a_user'), models.Index(condition=models.Q(('state', 'stored')), fields=['id'], name='memory_pending'), pgvector.django.indexes.HnswIndex(ef_construction=64, fields=['embedding'], m=16, name='memory_by_meaning', opclasses=['vector_cosine_ops'])],
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'idempotency_key'), name='memory_once_a_key'), models.CheckConstraint(condition=models.Q(('speaker__in', ['user', 'assistant'])), name='memory_speaker_known'), models.CheckConstraint(condition=models.Q(models.Q(('embedding__isnull', True), ('state', 'stored')), models.Q(('embedding__isnull', False), ('state', 'indexed')), _connector='OR'), name='memory_indexed_has_embedding')],
            },
        ),
        ForceTenantRLS("memory_memory"),
        # Both searches read these columns of every row of a user: out of line they cost 3 times.
        migrations.RunSQL(
            "alter table memory_memory alter column search set storage main, "
            "alter column embedding set storage plain",
            migrations.RunSQL.noop,
        ),
    ]
