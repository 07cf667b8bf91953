"""What speech takes: seconds heard, characters spoken."""


from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('gateway', '0008_response_cache'),
    ]

    operations = [
        migrations.AddField(
            model_name='usage',
            name='audio_seconds',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='usage',
            name='characters',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='usagetotal',
            name='audio_seconds',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='usagetotal',
            name='characters',
            field=models.BigIntegerField(default=0),
        ),
    ]
