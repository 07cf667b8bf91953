"""Old entries of the audit log leave the database once they are in object storage, only then."""

import kernel.clock
import kernel.ids
from django.db import migrations, models

from kernel.rls import APP_ROLE, PLATFORM_ROLE, ForceTenantRLS

TABLES = ("saas_auditentry", "saas_auditseal")
# The one way by which rows leave: a range that is archived up to the very digest, and old.
FORGET = f"""
create function soma_refuse_unless_archived() returns trigger language plpgsql as $$ begin
  if tg_op = 'DELETE' and current_setting('soma.archiving', true) = 'on'
    and current_user not in ('{APP_ROLE}', '{PLATFORM_ROLE}') then return null; end if;
  raise exception 'append-only table %', tg_table_name using errcode = 'insufficient_privilege';
end $$;
create function saas_forget_archived(first bigint, last bigint) returns bigint
language plpgsql security definer set search_path = public as $$
declare
  tenant uuid := nullif(current_setting('soma.tenant_id', true), '')::uuid;
  gone bigint;
begin
  if not exists (
    select 1 from saas_auditarchive a join saas_auditseal s
      on s.tenant_id = tenant and s.seq = last and s.digest = a.last_digest
    where a.tenant_id = tenant and a.first_seq = first and a.last_seq = last
  ) or exists (
    select 1 from saas_auditentry e join saas_auditseal s
      on s.tenant_id = tenant and s.entry_id = e.id
    where e.tenant_id = tenant and s.seq between first and last
      and e.created_at > now() - interval '30 days'
  ) then raise exception 'not archived' using errcode = 'insufficient_privilege'; end if;
  perform set_config('soma.archiving', 'on', true);
  delete from saas_auditentry e using saas_auditseal s
    where e.tenant_id = tenant and s.tenant_id = tenant and e.id = s.entry_id
      and s.seq between first and last;
  get diagnostics gone = row_count;
  delete from saas_auditseal s where s.tenant_id = tenant and s.seq between first and last;
  perform set_config('soma.archiving', '', true);
  return gone;
end $$;
revoke all on function saas_forget_archived(bigint, bigint) from public;
grant execute on function saas_forget_archived(bigint, bigint) to {APP_ROLE};
"""
UNDO = """drop function saas_forget_archived(bigint, bigint);
drop function soma_refuse_unless_archived()"""


def guard(table: str) -> migrations.RunSQL:
    """Let the trigger ask whether rows leave by way of the archive."""
    made = "create trigger {0}_append_only before update or delete or truncate on {0} for each statement execute function {1}()"
    drop = f"drop trigger {table}_append_only on {table}; "
    return migrations.RunSQL(
        drop + made.format(table, "soma_refuse_unless_archived"),
        drop + made.format(table, "soma_refuse_change"),
    )


class Migration(migrations.Migration):

    dependencies = [
        ('saas', '0009_provisioning'),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditArchive',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('first_seq', models.PositiveBigIntegerField()),
                ('last_seq', models.PositiveBigIntegerField()),
                ('last_digest', models.CharField(max_length=64)),
                ('since', models.DateTimeField()),
                ('until', models.DateTimeField()),
                ('key', models.CharField(max_length=100)),
                ('size_bytes', models.PositiveBigIntegerField()),
                ('sha256', models.CharField(max_length=64)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'first_seq'), name='audit_archive_once')],
            },
        ),
        ForceTenantRLS("saas_auditarchive", append_only=True),
        migrations.RunSQL(FORGET, UNDO),
        *(guard(table) for table in TABLES),
    ]
