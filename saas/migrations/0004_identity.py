"""Second factors, one-time secrets, tokens, mails and invitations; how sessions were signed in."""
import django.db.models.deletion
import kernel.clock
import kernel.ids
from django.db import migrations, models

from kernel.rls import ForceTenantRLS, GrantGlobal


class Migration(migrations.Migration):

    dependencies = [
        ('saas', '0003_standing'),
    ]

    operations = [
        migrations.CreateModel(
            name='AuthenticatorApp',
            fields=[
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='saas.user')),
                ('sealed', models.BinaryField()),
                ('confirmed_at', models.DateTimeField(null=True)),
                ('last_step', models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name='IdentityPolicy',
            fields=[
                ('tenant_id', models.UUIDField(primary_key=True, serialize=False)),
                ('mfa', models.CharField(choices=[('off', 'Off'), ('optional', 'Optional'), ('admins', 'Required for administrators'), ('required', 'Required')], default='optional', max_length=10)),
                ('session_limit', models.PositiveSmallIntegerField(null=True)),
                ('idle_minutes', models.PositiveIntegerField(null=True)),
                ('absolute_hours', models.PositiveIntegerField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('email', models.CharField(max_length=254)),
                ('role', models.CharField(max_length=40)),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('invited_by', models.UUIDField()),
                ('expires_at', models.DateTimeField()),
                ('sent_at', models.DateTimeField(default=kernel.clock.now)),
                ('accepted_at', models.DateTimeField(null=True)),
                ('revoked_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Mail',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('recipient', models.CharField(max_length=254)),
                ('subject', models.CharField(max_length=200)),
                ('body', models.TextField()),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('due_at', models.DateTimeField(default=kernel.clock.now)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('sent_at', models.DateTimeField(null=True)),
                ('last_error', models.CharField(default='', max_length=200)),
            ],
        ),
        migrations.CreateModel(
            name='OneTimeSecret',
            fields=[
                ('digest', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('purpose', models.CharField(max_length=20)),
                ('data', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('expires_at', models.DateTimeField(db_index=True)),
                ('used_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Passkey',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=100)),
                ('credential_id', models.BinaryField(unique=True)),
                ('public_key', models.BinaryField()),
                ('sign_count', models.BigIntegerField(default=0)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('last_used_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='RecoveryCode',
            fields=[
                ('digest', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('used_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='RefreshToken',
            fields=[
                ('digest', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('scope', models.CharField(max_length=300)),
                ('expires_at', models.DateTimeField(db_index=True)),
                ('spent_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='ResetRequest',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('email', models.CharField(max_length=254)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
            ],
        ),
        migrations.CreateModel(
            name='SigningKey',
            fields=[
                ('kid', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('sealed', models.BinaryField()),
                ('public', models.JSONField()),
                ('signs_from', models.DateTimeField()),
                ('published_until', models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name='session',
            name='authenticated_at',
            field=models.DateTimeField(default=kernel.clock.now),
        ),
        migrations.AddField(
            model_name='session',
            name='device',
            field=models.CharField(default='', max_length=64),
        ),
        migrations.AddField(
            model_name='session',
            name='is_strong',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='session',
            name='previous_hash',
            field=models.CharField(db_index=True, default='', max_length=64),
        ),
        migrations.AddField(
            model_name='session',
            name='rotated_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='session',
            name='is_program',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='session',
            name='methods',
            field=models.CharField(default='pwd', max_length=60),
        ),
        migrations.AddField(
            model_name='signinattempt',
            name='network',
            field=models.CharField(default='', max_length=64),
        ),
        migrations.AddField(
            model_name='signinattempt',
            name='user_agent',
            field=models.CharField(default='', max_length=300),
        ),
        migrations.AddIndex(
            model_name='session',
            index=models.Index(fields=['user', '-created_at'], name='session_by_person'),
        ),
        migrations.AddIndex(
            model_name='signinattempt',
            index=models.Index(fields=['network', 'at'], name='attempt_by_network'),
        ),
        migrations.AddIndex(
            model_name='signinattempt',
            index=models.Index(fields=['account', 'at'], name='attempt_of_account'),
        ),
        migrations.AddConstraint(
            model_name='invitation',
            constraint=models.UniqueConstraint(condition=models.Q(('accepted_at__isnull', True), ('revoked_at__isnull', True)), fields=('tenant_id', 'email'), name='invitation_open_once'),
        ),
        migrations.AddIndex(
            model_name='mail',
            index=models.Index(condition=models.Q(('sent_at__isnull', True)), fields=['due_at'], name='mail_waiting'),
        ),
        migrations.AddField(
            model_name='onetimesecret',
            name='user',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='saas.user'),
        ),
        migrations.AddField(
            model_name='passkey',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='saas.user'),
        ),
        migrations.AddField(
            model_name='recoverycode',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='saas.user'),
        ),
        migrations.AddField(
            model_name='refreshtoken',
            name='session',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='saas.session'),
        ),
        GrantGlobal(
            "saas_authenticatorapp",
            app="select, insert, update, delete",
            platform="select, insert, update, delete",
        ),
        GrantGlobal(
            "saas_recoverycode",
            app="select, insert, update, delete",
            platform="select, insert, update, delete",
        ),
        GrantGlobal(
            "saas_passkey",
            app="select, insert, update, delete",
            platform="select, insert, update, delete",
        ),
        GrantGlobal(
            "saas_onetimesecret",
            app="select, insert, update, delete",
            platform="select, insert, update, delete",
        ),
        GrantGlobal(
            "saas_refreshtoken",
            app="select, insert, update, delete",
            platform="select, insert, update, delete",
        ),
        GrantGlobal(
            "saas_signingkey",
            app="select, insert, update, delete",
            platform="select, insert, update, delete",
        ),
        GrantGlobal("saas_identitypolicy", app="select", platform="select, insert, update, delete"),
        GrantGlobal("saas_mail", app="insert", platform="select, insert, update, delete"),
        GrantGlobal("saas_resetrequest", app="insert", platform="select, insert, update, delete"),
        ForceTenantRLS("saas_invitation"),
    ]
