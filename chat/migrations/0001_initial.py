"""Agents, conversations, branches, turns and messages, sealed per tenant."""

import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
import kernel.clock
import kernel.ids
from django.db import migrations, models


from kernel.rls import ForceTenantRLS


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Agent',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('name', models.CharField(max_length=100)),
                ('slug', models.SlugField(max_length=60)),
                ('instructions', models.TextField(default='')),
                ('model_id', models.UUIDField(null=True)),
                ('updated_at', models.DateTimeField(default=kernel.clock.now)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'slug'), name='agent_slug_once')],
            },
        ),
        migrations.CreateModel(
            name='Conversation',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('user_id', models.UUIDField()),
                ('title', models.CharField(max_length=200, null=True)),
                ('archived_at', models.DateTimeField(null=True)),
                ('deleted_at', models.DateTimeField(null=True)),
                ('active_at', models.DateTimeField(default=kernel.clock.now)),
                ('active_branch_id', models.UUIDField(null=True)),
                ('last_turn_id', models.UUIDField(null=True)),
                ('next_seq', models.PositiveIntegerField(default=1)),
                ('agent', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='chat.agent')),
            ],
        ),
        migrations.CreateModel(
            name='Branch',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('lineage', models.JSONField()),
                ('conversation', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='chat.conversation')),
            ],
        ),
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('seq', models.PositiveIntegerField()),
                ('parent_id', models.UUIDField(null=True)),
                ('turn_id', models.UUIDField(null=True)),
                ('role', models.CharField(choices=[('user', 'User'), ('assistant', 'Assistant')], max_length=10)),
                ('parts', models.JSONField()),
                ('text', models.TextField()),
                ('char_count', models.PositiveIntegerField()),
                ('model', models.CharField(default='', max_length=200)),
                ('feedback', models.CharField(default='', max_length=8)),
                ('feedback_comment', models.CharField(default='', max_length=2000)),
                ('search', django.contrib.postgres.search.SearchVectorField(editable=False, null=True)),
                ('branch', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='chat.branch')),
                ('conversation', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='chat.conversation')),
            ],
        ),
        migrations.CreateModel(
            name='Turn',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now, editable=False)),
                ('user_id', models.UUIDField()),
                ('kind', models.CharField(choices=[('message', 'Message'), ('retry', 'Retry'), ('continue', 'Continue')], default='message', max_length=10)),
                ('client_key', models.CharField(max_length=100)),
                ('state', models.CharField(choices=[('open', 'Open'), ('done', 'Done'), ('failed', 'Failed'), ('cancelled', 'Cancelled'), ('interrupted', 'Interrupted')], default='open', max_length=12)),
                ('user_message_id', models.UUIDField(null=True)),
                ('message_id', models.UUIDField()),
                ('message_seq', models.PositiveIntegerField()),
                ('parent_id', models.UUIDField(null=True)),
                ('seq', models.PositiveIntegerField(default=0)),
                ('content', models.TextField(default='')),
                ('degraded', models.JSONField(default=list)),
                ('recalled', models.JSONField(default=list)),
                ('error', models.JSONField(null=True)),
                ('model', models.CharField(default='', max_length=200)),
                ('usage', models.JSONField(null=True)),
                ('context_report', models.JSONField(null=True)),
                ('lease_until', models.DateTimeField()),
                ('cancel_asked_at', models.DateTimeField(null=True)),
                ('first_token_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('branch', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='chat.branch')),
                ('conversation', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='chat.conversation')),
            ],
        ),
        migrations.AddIndex(
            model_name='conversation',
            index=models.Index(condition=models.Q(('deleted_at__isnull', True)), fields=['tenant_id', 'user_id', '-active_at', '-id'], name='conversation_by_activity'),
        ),
        migrations.AddIndex(
            model_name='conversation',
            index=models.Index(condition=models.Q(('deleted_at__isnull', False)), fields=['deleted_at'], name='conversation_deleted'),
        ),
        migrations.AddIndex(
            model_name='branch',
            index=models.Index(fields=['tenant_id', 'conversation'], name='branch_by_conversation'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(fields=['tenant_id', 'conversation', 'branch', 'seq'], name='message_by_branch'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(fields=['tenant_id', 'conversation', 'parent_id'], name='message_by_parent'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=django.contrib.postgres.indexes.GinIndex(fields=['search'], name='message_search'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.UniqueConstraint(fields=('tenant_id', 'conversation', 'seq'), name='message_place_once'),
        ),
        migrations.AddIndex(
            model_name='turn',
            index=models.Index(condition=models.Q(('state', 'open')), fields=['lease_until'], name='turn_lease'),
        ),
        migrations.AddConstraint(
            model_name='turn',
            constraint=models.UniqueConstraint(fields=('tenant_id', 'conversation', 'user_id', 'client_key'), name='turn_once'),
        ),
        migrations.AddConstraint(
            model_name='turn',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'open')), fields=('tenant_id', 'conversation'), name='turn_one_open'),
        ),
        ForceTenantRLS("chat_agent"),
        ForceTenantRLS("chat_conversation", {"agent_id": ("chat_agent", "RESTRICT")}),
        ForceTenantRLS("chat_branch", {"conversation_id": ("chat_conversation", "CASCADE")}),
        ForceTenantRLS(
            "chat_turn",
            {
                "conversation_id": ("chat_conversation", "CASCADE"),
                "branch_id": ("chat_branch", "CASCADE"),
            },
        ),
        ForceTenantRLS(
            "chat_message",
            {
                "conversation_id": ("chat_conversation", "CASCADE"),
                "branch_id": ("chat_branch", "CASCADE"),
            },
        ),
        # A trigger, not a generated column: the rewrite of the whole row is avoided on updates of
        # feedback. 100,000 characters stay below the limit of one tsvector (1 MB).
        migrations.RunSQL(
            "create function chat_message_search() returns trigger language plpgsql as $$ "
            "begin new.search := to_tsvector('simple', left(new.text, 100000)); return new; end $$;"
            "create trigger chat_message_search before insert or update of text on chat_message "
            "for each row execute function chat_message_search();",
            "drop trigger chat_message_search on chat_message; drop function chat_message_search();",
        ),
        # Under row-level security the planner never uses an index for @@, because the operator is
        # not leakproof. This function runs as the platform role, names the tenant itself, and
        # gives nothing but ids: the newest hit of each of the person's conversations.
        migrations.RunSQL(
            "create function chat_find_messages(p_user uuid, p_query tsquery) "
            "returns table (conversation_id uuid, message_id uuid) "
            "language sql stable security definer set search_path = public, pg_temp as $$ "
            "select distinct on (m.conversation_id) m.conversation_id, m.id "
            "from chat_message m join chat_conversation c "
            "  on c.tenant_id = m.tenant_id and c.id = m.conversation_id "
            "where m.search @@ p_query and c.user_id = p_user and c.deleted_at is null "
            "  and m.tenant_id = nullif(current_setting('soma.tenant_id', true), '')::uuid "
            "order by m.conversation_id, m.seq desc $$;"
            "grant create on schema public to soma_platform;"
            "alter function chat_find_messages owner to soma_platform;"
            "revoke create on schema public from soma_platform;"
            "revoke all on function chat_find_messages from public;"
            "grant execute on function chat_find_messages to soma_app;",
            "drop function chat_find_messages",
        ),
    ]
