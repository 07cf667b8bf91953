"""How far an organisation is set up; its administrators may rename it."""

import kernel.clock
import kernel.ids
from django.db import migrations, models

from kernel.rls import APP_ROLE, ForceTenantRLS


class Migration(migrations.Migration):

    dependencies = [
        ('saas', '0010_audit_archive'),
    ]

    operations = [
        migrations.CreateModel(
            name='SetupStep',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('name', models.CharField(max_length=20)),
                ('state', models.CharField(max_length=10)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'name'), name='setup_step_once')],
            },
        ),
        ForceTenantRLS("saas_setupstep"),
        migrations.RunSQL(
            f"grant update (name) on saas_tenant to {APP_ROLE}",
            f"revoke update (name) on saas_tenant from {APP_ROLE}",
        ),
    ]
