"""Acting as somebody else: the sessions, the requests, and as whom in the audit log."""

import django.db.models.deletion
import kernel.clock
import kernel.ids
from django.db import migrations, models

from kernel.rls import ForceTenantRLS


class Migration(migrations.Migration):

    dependencies = [
        ('saas', '0006_single_sign_on'),
    ]

    operations = [
        migrations.AddField(
            model_name='auditentry',
            name='as_user_id',
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name='identitypolicy',
            name='allows_impersonation',
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.AddField(
            model_name='session',
            name='acted_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='saas.user'),
        ),
        migrations.AddField(
            model_name='session',
            name='acted_from',
            field=models.UUIDField(db_index=True, null=True),
        ),
        migrations.AddField(
            model_name='session',
            name='is_break_glass',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.CreateModel(
            name='Impersonation',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('admin_id', models.UUIDField()),
                ('user_id', models.UUIDField()),
                ('reason', models.CharField(max_length=300)),
                ('status', models.CharField(choices=[('waiting', 'Waiting'), ('ready', 'Ready'), ('begun', 'Begun'), ('ended', 'Ended')], max_length=10)),
                ('approved_by', models.UUIDField(null=True)),
                ('session_id', models.UUIDField(null=True)),
                ('begun_at', models.DateTimeField(null=True)),
                ('expires_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('ended_why', models.CharField(db_default='', default='', max_length=20)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('status', 'ended'), _negated=True), fields=['expires_at'], name='impersonation_open')],
            },
        ),
        ForceTenantRLS("saas_impersonation"),
    ]
