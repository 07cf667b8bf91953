"""What speech takes is nothing where a row does not say."""


from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('gateway', '0010_calls_are_forgotten'),
    ]

    operations = [
        migrations.AlterField(
            model_name='usage',
            name='audio_seconds',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name='usage',
            name='characters',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name='usagetotal',
            name='audio_seconds',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name='usagetotal',
            name='characters',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
    ]
