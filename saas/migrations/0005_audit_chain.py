"""A chain of digests over the audit log, and an index of its words."""

import kernel.clock
import kernel.ids
from django.db import migrations, models

from kernel.rls import ForceTenantRLS

# As `saas.audit.exploring` asks.
WORDS = """create index audit_words on saas_auditentry using gin ((
  to_tsvector('simple', translate(action || ' ' || object_type || ' ' || object_id, '._', '  '))
  || jsonb_to_tsvector('simple', coalesce(before, '{}'), '["all"]')
  || jsonb_to_tsvector('simple', coalesce(after, '{}'), '["all"]')))"""


class Migration(migrations.Migration):

    dependencies = [
        ('saas', '0004_identity'),
    ]

    operations = [
        migrations.AddField(
            model_name='auditentry',
            name='address',
            field=models.CharField(db_default='', default='', max_length=64),
        ),
        migrations.CreateModel(
            name='AuditSeal',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('seq', models.PositiveBigIntegerField()),
                ('entry_id', models.UUIDField()),
                ('previous', models.CharField(max_length=64)),
                ('digest', models.CharField(max_length=64)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'seq'), name='audit_seal_seq_once'), models.UniqueConstraint(fields=('tenant_id', 'entry_id'), name='audit_seal_entry_once')],
            },
        ),
        ForceTenantRLS("saas_auditseal", append_only=True),
        migrations.RunSQL(WORDS, "drop index audit_words"),
    ]
