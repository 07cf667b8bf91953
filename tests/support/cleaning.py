"""Empty tables between tests, as the owner: row-level security stays on for the code under test."""

from django.db import OperationalError, connections

# A worker at work holds two connections: one waits for a lock here, while this one waits for the
# other. The database cannot see that circle, so the emptying steps back and tries again.
ATTEMPTS = 100
PATIENCE = "200ms"

# Nobody may be in the middle of writing, so all tables are locked first. To truncate them would
# make new files for each and its indexes, whether it holds rows or not; deleting the few rows of a
# test takes a third of that. What an HNSW index knows of deleted rows is gone after a vacuum only,
# and until then it finds less: such a table is truncated, with those that refer to it.
_EMPTY = """
do $$
declare
  one record;
  is_used bool;
begin
  execute (
    select format('lock table %s in access exclusive mode', string_agg(oid::regclass::text, ', '))
    from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r'
      and relname <> 'django_migrations');
  for one in
    select c.oid::regclass as name, exists (
      select from pg_index x join pg_class i on i.oid = x.indexrelid join pg_am a on a.oid = i.relam
      where x.indrelid = c.oid and a.amname = 'hnsw') as is_approximate
    from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
      and c.relname <> 'django_migrations'
  loop
    execute format('select exists (select from %s)', one.name) into is_used;
    if is_used and one.is_approximate then
      execute format('truncate %s cascade', one.name);
    elsif is_used then
      execute format('delete from %s', one.name);
    end if;
  end loop;
  perform setval(seqrelid, seqstart, false) from pg_sequence;
end $$
"""


def empty_tables() -> None:
    """Leave no row in any table of the product."""
    for attempt in range(ATTEMPTS):
        try:
            _empty()
        except OperationalError:
            if attempt + 1 == ATTEMPTS:
                raise
        else:
            return
        finally:
            connections["owner"].close()


def _empty() -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute("select set_config('lock_timeout', %s, false)", [PATIENCE])
        # The audit log refuses to lose rows, also to its owner: only a test may step aside. No
        # trigger looks at references either, so the order does not matter.
        cursor.execute("set session_replication_role = replica")
        cursor.execute(_EMPTY)
        cursor.execute("set session_replication_role = default")


def empty_valkey() -> None:
    """Flush the run's own Valkey."""
    from kernel.valkey import sync_client

    sync_client().flushall()
