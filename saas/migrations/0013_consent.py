"""Programs that a person let in; their sessions say by which consent they came."""

import django.db.models.deletion
import kernel.clock
import kernel.ids
from django.db import migrations, models

from kernel.rls import GrantGlobal


class Migration(migrations.Migration):

    dependencies = [
        ('saas', '0012_brand_colour'),
    ]

    operations = [
        migrations.CreateModel(
            name='Consent',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('client_id', models.CharField(max_length=100)),
                ('scope', models.CharField(max_length=300)),
                ('redirect_uri', models.CharField(max_length=300)),
                ('allowed_at', models.DateTimeField(default=kernel.clock.now)),
                ('tenant', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='saas.tenant')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='saas.user')),
            ],
        ),
        migrations.AddField(
            model_name='session',
            name='consent',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='sessions', to='saas.consent'),
        ),
        migrations.AddConstraint(
            model_name='consent',
            constraint=models.UniqueConstraint(fields=('user', 'tenant', 'client_id', 'scope'), name='consent_once', nulls_distinct=False),
        ),
        GrantGlobal(
            "saas_consent",
            app="select, insert, update, delete",
            platform="select, insert, update, delete",
        ),
    ]
