"""Further roles, roles of a tenant's own, grants on objects; no tenant without a sysadmin."""

import django.contrib.postgres.fields
import django.db.models.expressions
import django.db.models.functions.text
import kernel.clock
import kernel.ids
from django.db import migrations, models

from kernel.rls import APP_ROLE, POLICY, ForceTenantRLS

OWN = POLICY.replace("tenant_id", "id", 1)

# A membership is read before a tenant is known, and written only inside a unit of its tenant.
WRITE_INSIDE = [
    "alter table saas_membership enable row level security",
    "create policy membership_read on saas_membership for select using (true)",
    *(
        f"create policy membership_{verb} on saas_membership for {verb} {clause}"
        for verb, clause in (
            ("insert", f"with check ({POLICY})"),
            ("update", f"using ({POLICY}) with check ({POLICY})"),
            ("delete", f"using ({POLICY})"),
        )
    ),
    "grant insert, delete, update (role, roles, own_roles, rights, has_grants, suspended_at) "
    f"on saas_membership to {APP_ROLE}",
    # Suspension commits with its entry in the tenant's audit log.
    "alter table saas_tenant enable row level security",
    "create policy tenant_read on saas_tenant for select using (true)",
    f"create policy tenant_update on saas_tenant for update using ({OWN}) with check ({OWN})",
    f"grant update (status, suspended_at, suspended_why) on saas_tenant to {APP_ROLE}",
]
WRITE_ANYWHERE = [
    f"revoke update on saas_tenant from {APP_ROLE}",
    "drop policy tenant_read on saas_tenant",
    "drop policy tenant_update on saas_tenant",
    "alter table saas_tenant disable row level security",
    f"revoke insert, update, delete on saas_membership from {APP_ROLE}",
    *(
        f"drop policy membership_{verb} on saas_membership"
        for verb in ("read", "insert", "update", "delete")
    ),
    "alter table saas_membership disable row level security",
]

# The lock makes two who remove each other wait: the second then sees what the first did.
KEEP_A_SYSADMIN = """
create function saas_keep_a_sysadmin() returns trigger language plpgsql as $$
begin
  if not ('sysadmin' = any(old.roles || old.role) and old.suspended_at is null) then
    return null;
  end if;
  if tg_op = 'UPDATE' then
    if 'sysadmin' = any(new.roles || new.role) and new.suspended_at is null then
      return null;
    end if;
  end if;
  perform pg_advisory_xact_lock(hashtextextended('sysadmins ' || old.tenant_id::text, 0));
  if exists (select 1 from saas_tenant where id = old.tenant_id) and not exists (
    select 1 from saas_membership m join saas_user u on u.id = m.user_id and u.is_active
    where m.tenant_id = old.tenant_id and m.suspended_at is null
      and 'sysadmin' = any(m.roles || m.role))
  then
    raise exception 'a tenant keeps a sysadmin'
      using errcode = 'check_violation', constraint = 'tenant_keeps_a_sysadmin';
  end if;
  return null;
end $$;
create trigger membership_keeps_a_sysadmin after update or delete on saas_membership
  for each row execute function saas_keep_a_sysadmin();

create function saas_keep_a_platform_admin() returns trigger language plpgsql as $$
begin
  if not (old.is_platform_admin and old.is_active) then
    return null;
  end if;
  if tg_op = 'UPDATE' then
    if new.is_platform_admin and new.is_active then
      return null;
    end if;
  end if;
  perform pg_advisory_xact_lock(hashtextextended('platform admins', 0));
  if not exists (select 1 from saas_user where is_platform_admin and is_active) then
    raise exception 'the platform keeps an admin'
      using errcode = 'check_violation', constraint = 'platform_keeps_an_admin';
  end if;
  return null;
end $$;
create trigger user_keeps_a_platform_admin
  after update of is_platform_admin, is_active or delete on saas_user
  for each row execute function saas_keep_a_platform_admin();
"""
LOSE_THEM = """
drop trigger membership_keeps_a_sysadmin on saas_membership;
drop function saas_keep_a_sysadmin();
drop trigger user_keeps_a_platform_admin on saas_user;
drop function saas_keep_a_platform_admin();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('saas', '0002_operating_mode'),
    ]

    operations = [
        migrations.CreateModel(
            name='Grant',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('object_type', models.CharField(max_length=30)),
                ('object_id', models.UUIDField()),
                ('relation', models.CharField(max_length=30)),
                ('user_id', models.UUIDField()),
                ('granted_by', models.UUIDField()),
                ('reason', models.CharField(max_length=300)),
                ('expires_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='TenantRole',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('name', models.CharField(max_length=60)),
                ('permissions', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), size=None)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name='membership',
            name='membership_role_known',
        ),
        migrations.AddField(
            model_name='membership',
            name='has_grants',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='membership',
            name='own_roles',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), db_default=django.db.models.expressions.RawSQL("'{}'::uuid[]", ()), default=list, size=None),
        ),
        migrations.AddField(
            model_name='membership',
            name='rights',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), db_default=django.db.models.expressions.RawSQL("'{}'::varchar[]", ()), default=list, size=None),
        ),
        migrations.AddField(
            model_name='membership',
            name='roles',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), db_default=django.db.models.expressions.RawSQL("'{}'::varchar[]", ()), default=list, size=None),
        ),
        migrations.AddField(
            model_name='membership',
            name='suspended_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='tenant',
            name='suspended_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='tenant',
            name='suspended_why',
            field=models.CharField(db_default='', default='', max_length=300),
        ),
        migrations.AlterField(
            model_name='membership',
            name='role',
            field=models.CharField(choices=[('sysadmin', 'Tenant sysadmin'), ('admin', 'Tenant admin'), ('developer', 'Developer'), ('trainer', 'Trainer'), ('member', 'Member'), ('viewer', 'Viewer'), ('billing_admin', 'Billing admin'), ('security_auditor', 'Security auditor')], max_length=20),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.CheckConstraint(condition=models.Q(('role__in', ['sysadmin', 'admin', 'developer', 'trainer', 'member', 'viewer', 'billing_admin', 'security_auditor']), ('roles__contained_by', ['sysadmin', 'admin', 'developer', 'trainer', 'member', 'viewer', 'billing_admin', 'security_auditor'])), name='membership_role_known'),
        ),
        migrations.AddIndex(
            model_name='grant',
            index=models.Index(fields=['tenant_id', 'object_type', 'object_id'], name='grant_by_object'),
        ),
        migrations.AddConstraint(
            model_name='grant',
            constraint=models.UniqueConstraint(fields=('tenant_id', 'user_id', 'object_type', 'relation', 'object_id'), name='grant_once'),
        ),
        migrations.AddConstraint(
            model_name='tenantrole',
            constraint=models.UniqueConstraint(models.F('tenant_id'), django.db.models.functions.text.Lower('name'), name='tenant_role_once'),
        ),
        ForceTenantRLS("saas_grant"),
        ForceTenantRLS("saas_tenantrole"),
        migrations.RunSQL(WRITE_INSIDE, WRITE_ANYWHERE),
        migrations.RunSQL(KEEP_A_SYSADMIN, LOSE_THEM),
    ]
