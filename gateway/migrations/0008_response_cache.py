"""Answers that serve the same question again."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('gateway', '0007_routing_and_traits'),
    ]

    operations = [
        migrations.AddField(
            model_name='policy',
            name='cache_s',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name='usage',
            name='state',
            field=models.CharField(choices=[('ok', 'Ok'), ('failed', 'Failed'), ('cancelled', 'Cancelled'), ('interrupted', 'Interrupted'), ('cached', 'Cached')], max_length=12),
        ),
    ]
