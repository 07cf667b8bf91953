"""A provider from the environment may be gone without being switched off."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('gateway', '0001_providers_and_models'),
    ]

    operations = [
        migrations.AddField(
            model_name='provider',
            name='is_present',
            field=models.BooleanField(default=True),
        ),
    ]
