"""The bearer of a tenant's directory, and the people and groups that it sent."""

import django.contrib.postgres.fields
import django.db.models.deletion
import kernel.clock
import kernel.ids
from django.db import migrations, models

from kernel.rls import ForceTenantRLS


class Migration(migrations.Migration):

    dependencies = [
        ('saas', '0008_keycloak'),
    ]

    operations = [
        migrations.CreateModel(
            name='ScimGroup',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('display_name', models.CharField(max_length=300)),
                ('external_id', models.CharField(default='', max_length=300)),
                ('role', models.CharField(default='', max_length=20)),
                ('changed_at', models.DateTimeField(default=kernel.clock.now)),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='ScimConnection',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('digest', models.CharField(max_length=64)),
                ('default_role', models.CharField(max_length=20)),
                ('last_used_at', models.DateTimeField(null=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id',), name='scim_connection_once')],
            },
        ),
        migrations.CreateModel(
            name='ScimUser',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('user_id', models.UUIDField()),
                ('user_name', models.CharField(max_length=254)),
                ('external_id', models.CharField(default='', max_length=300)),
                ('data', models.JSONField(default=dict)),
                ('is_active', models.BooleanField(default=True)),
                ('given', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), default=list, size=None)),
                ('changed_at', models.DateTimeField(default=kernel.clock.now)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'user_id'), name='scim_user_once'), models.UniqueConstraint(fields=('tenant_id', 'user_name'), name='scim_user_name_once')],
            },
        ),
        migrations.CreateModel(
            name='ScimMember',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('group', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='saas.scimgroup')),
                ('user', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='saas.scimuser')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'group', 'user'), name='scim_member_once')],
            },
        ),
        ForceTenantRLS("saas_scimconnection"),
        ForceTenantRLS("saas_scimuser"),
        ForceTenantRLS("saas_scimgroup"),
        ForceTenantRLS(
            "saas_scimmember",
            {"group_id": ("saas_scimgroup", "CASCADE"), "user_id": ("saas_scimuser", "CASCADE")},
        ),
    ]
