"""Providers and models: the platform's catalogue, read by all and written by the platform role."""

import django.db.models.deletion
import django.db.models.functions.text
import kernel.clock
import kernel.ids
from django.db import migrations, models

from kernel.rls import GrantGlobal


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Provider',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=100)),
                ('kind', models.CharField(max_length=40)),
                ('base_url', models.CharField(blank=True, default='', max_length=500)),
                ('sealed_key', models.BinaryField(null=True)),
                ('key_hint', models.CharField(blank=True, default='', max_length=12)),
                ('source', models.CharField(choices=[('row', 'Added by an administrator'), ('environment', 'Found in the environment')], default='row', max_length=12)),
                ('enabled', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('updated_at', models.DateTimeField(default=kernel.clock.now)),
            ],
            options={
                'constraints': [models.UniqueConstraint(django.db.models.functions.text.Lower('name'), name='provider_name_once'), models.UniqueConstraint(condition=models.Q(('source', 'environment')), fields=('kind',), name='provider_environment_kind_once'), models.CheckConstraint(condition=models.Q(('source__in', ['row', 'environment'])), name='provider_source_known'), models.CheckConstraint(condition=models.Q(('source', 'row'), ('sealed_key__isnull', True), _connector='OR'), name='provider_environment_stores_no_key')],
            },
        ),
        migrations.CreateModel(
            name='Model',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=200)),
                ('display_name', models.CharField(max_length=200)),
                ('window', models.PositiveIntegerField()),
                ('output_limit', models.PositiveIntegerField()),
                ('is_default', models.BooleanField(default=False)),
                ('enabled', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('provider', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='models', to='gateway.provider')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('provider', 'name'), name='model_name_once'), models.UniqueConstraint(condition=models.Q(('is_default', True)), fields=('is_default',), name='model_default_once'), models.CheckConstraint(condition=models.Q(('output_limit__gt', 0), ('window__gt', 0)), name='model_limits_positive')],
            },
        ),
        GrantGlobal(
            "gateway_provider", app="select", platform="select, insert, update, delete"
        ),
        GrantGlobal("gateway_model", app="select", platform="select, insert, update, delete"),
    ]
