"""The embedded backbone, and events that a consumer gave back to the outbox."""

from django.db import migrations, models

import kernel.clock
from kernel.rls import GrantGlobal

ALL = "select, insert, update, delete"


class Migration(migrations.Migration):

    dependencies = [
        ('kernel', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='BusPosition',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reader_group', models.CharField(max_length=100)),
                ('topic', models.CharField(max_length=100)),
                ('partition', models.PositiveSmallIntegerField()),
                ('position', models.BigIntegerField(default=0)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('reader_group', 'topic', 'partition'), name='bus_position_once')],
            },
        ),
        migrations.CreateModel(
            name='BusRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('topic', models.CharField(max_length=100)),
                ('partition', models.PositiveSmallIntegerField()),
                ('key', models.CharField(max_length=100)),
                ('value', models.BinaryField()),
                ('headers', models.JSONField()),
                ('created_at', models.DateTimeField(default=kernel.clock.now)),
            ],
            options={
                'indexes': [models.Index(fields=['topic', 'partition', 'id'], name='bus_by_place')],
            },
        ),
        migrations.AddField(
            model_name='outboxevent',
            name='parked',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddIndex(
            model_name='outboxevent',
            index=models.Index(condition=models.Q(('dead_at__isnull', True), ('parked', False)), fields=['id'], name='outbox_to_publish'),
        ),
        # Events of every tenant in one order: for the relay and the consumers alone.
        GrantGlobal("kernel_busrecord", app="", platform=ALL),
        GrantGlobal("kernel_busposition", app="", platform=ALL),
    ]
