"""The edges that point at a memory, with their sources: recall reads them from the index alone."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('memory', '0008_focus'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='memorylink',
            name='memory_link_backwards',
        ),
        migrations.AddIndex(
            model_name='memorylink',
            index=models.Index(fields=['tenant_id', 'target', 'relation'], include=('source',), name='memory_link_backwards'),
        ),
    ]
