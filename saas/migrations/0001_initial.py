"""People, tenants, sessions and the append-only audit log, with least privileges."""

import django.db.models.deletion
import django.db.models.functions.text
import kernel.clock
import kernel.ids
from django.db import migrations, models


from kernel.rls import ForceTenantRLS, GrantGlobal


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Tenant',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=200)),
                ('slug', models.SlugField(max_length=60, unique=True)),
                ('status', models.CharField(choices=[('active', 'Active'), ('suspended', 'Suspended')], default='active', max_length=10)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
            ],
        ),
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('actor_id', models.UUIDField()),
                ('action', models.CharField(max_length=100)),
                ('object_type', models.CharField(max_length=50)),
                ('object_id', models.CharField(max_length=100)),
                ('before', models.JSONField(null=True)),
                ('after', models.JSONField(null=True)),
                ('request_id', models.CharField(default='', max_length=64)),
            ],
            options={
                'indexes': [models.Index(fields=['tenant_id', '-created_at'], name='audit_by_time')],
            },
        ),
        migrations.CreateModel(
            name='SignInAttempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('account', models.CharField(max_length=64)),
                ('address', models.CharField(max_length=64)),
                ('succeeded', models.BooleanField()),
                ('at', models.DateTimeField(default=kernel.clock.now)),
            ],
            options={
                'indexes': [models.Index(fields=['account', 'address', 'at'], name='attempt_by_account'), models.Index(fields=['address', 'at'], name='attempt_by_address')],
            },
        ),
        migrations.CreateModel(
            name='Session',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('secret_hash', models.CharField(max_length=64, unique=True)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('last_seen_at', models.DateTimeField(default=kernel.clock.now)),
                ('expires_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('address', models.GenericIPAddressField(null=True)),
                ('user_agent', models.CharField(default='', max_length=300)),
                ('tenant', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='saas.tenant')),
            ],
        ),
        migrations.CreateModel(
            name='Ticket',
            fields=[
                ('secret_hash', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('expires_at', models.DateTimeField()),
                ('session', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='saas.session')),
            ],
        ),
        migrations.CreateModel(
            name='User',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('email', models.CharField(max_length=254)),
                ('display_name', models.CharField(max_length=200)),
                ('password_hash', models.CharField(max_length=200)),
                ('must_change_password', models.BooleanField(default=False)),
                ('is_platform_admin', models.BooleanField(default=False)),
                ('is_active', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
            ],
            options={
                'constraints': [models.UniqueConstraint(django.db.models.functions.text.Lower('email'), name='user_email_once')],
            },
        ),
        migrations.AddField(
            model_name='session',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='saas.user'),
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('role', models.CharField(choices=[('sysadmin', 'Tenant sysadmin'), ('admin', 'Tenant admin'), ('member', 'Member'), ('viewer', 'Viewer')], max_length=10)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='saas.tenant')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='saas.user')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('user', 'tenant'), name='membership_once'), models.CheckConstraint(condition=models.Q(('role__in', ['sysadmin', 'admin', 'member', 'viewer'])), name='membership_role_known')],
            },
        ),
        GrantGlobal("saas_tenant", app="select", platform="select, insert, update, delete"),
        GrantGlobal(
            "saas_user",
            app="select, update (password_hash, must_change_password)",
            platform="select, insert, update, delete",
        ),
        GrantGlobal("saas_membership", app="select", platform="select, insert, update, delete"),
        GrantGlobal(
            "saas_session",
            app="select, insert, update",
            platform="select, insert, update, delete",
        ),
        GrantGlobal(
            "saas_signinattempt",
            app="select, insert",
            platform="select, insert, update, delete",
        ),
        GrantGlobal(
            "saas_ticket",
            app="select, insert, delete",
            platform="select, insert, update, delete",
        ),
        ForceTenantRLS("saas_auditentry", append_only=True),
    ]
