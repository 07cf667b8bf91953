"""Identity providers of tenants, the domains that they speak for, and who is who."""

import django.db.models.deletion
import kernel.clock
import kernel.ids
from django.db import migrations, models

from kernel.rls import ForceTenantRLS


class Migration(migrations.Migration):

    dependencies = [
        ('saas', '0005_audit_chain'),
    ]

    operations = [
        migrations.CreateModel(
            name='IdentityProvider',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('name', models.CharField(max_length=60)),
                ('kind', models.CharField(choices=[('oidc', 'OpenID Connect'), ('google', 'Google'), ('github', 'GitHub')], max_length=10)),
                ('issuer', models.CharField(default='', max_length=500)),
                ('client_id', models.CharField(max_length=300)),
                ('sealed_secret', models.BinaryField()),
                ('default_role', models.CharField(max_length=20)),
                ('is_enabled', models.BooleanField(default=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'name'), name='sso_provider_once')],
            },
        ),
        migrations.CreateModel(
            name='ExternalIdentity',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('subject', models.CharField(max_length=255)),
                ('user_id', models.UUIDField()),
                ('last_used_at', models.DateTimeField(default=kernel.clock.now)),
                ('provider', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='saas.identityprovider')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'provider', 'subject'), name='external_identity_once')],
            },
        ),
        migrations.CreateModel(
            name='SsoDomain',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('domain', models.CharField(max_length=189)),
                ('proof', models.CharField(max_length=64)),
                ('confirmed_at', models.DateTimeField(null=True)),
                ('provider', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='saas.identityprovider')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'domain'), name='sso_domain_once'), models.UniqueConstraint(condition=models.Q(('confirmed_at__isnull', False)), fields=('domain',), name='sso_domain_confirmed_once')],
            },
        ),
        ForceTenantRLS("saas_identityprovider"),
        ForceTenantRLS("saas_ssodomain", {"provider_id": ("saas_identityprovider", "CASCADE")}),
        ForceTenantRLS("saas_externalidentity", {"provider_id": ("saas_identityprovider", "CASCADE")}),
    ]
