"""The address of an organisation; its sysadmins may change it."""

from django.db import migrations

from kernel.rls import APP_ROLE


class Migration(migrations.Migration):

    dependencies = [
        ('saas', '0013_consent'),
    ]

    operations = [
        migrations.RunSQL(
            f"grant update (slug) on saas_tenant to {APP_ROLE}",
            f"revoke update (slug) on saas_tenant from {APP_ROLE}",
        ),
    ]
