"""A rotated key keeps its id, its budget and its usage; tenants may limit rates."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('gateway', '0003_ledger_and_keys'),
    ]

    operations = [
        migrations.RemoveField(
            model_name='apikey',
            name='replaces_id',
        ),
        migrations.AddField(
            model_name='apikey',
            name='previous_hash',
            field=models.CharField(max_length=64, null=True, unique=True),
        ),
        migrations.AddField(
            model_name='apikey',
            name='previous_until',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='policy',
            name='rates',
            field=models.JSONField(default=dict),
        ),
    ]
