"""Old calls may be deleted: by the platform's role alone, and never young ones."""

from django.db import migrations

from kernel.rls import LetOldGo


class Migration(migrations.Migration):

    dependencies = [
        ('gateway', '0009_speech'),
    ]

    operations = [
        LetOldGo("gateway_usage", "at", days=29),
    ]
