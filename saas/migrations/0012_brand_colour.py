"""The brand colour of an organisation; its administrators may change it."""

from django.db import migrations, models

from kernel.rls import APP_ROLE


class Migration(migrations.Migration):

    dependencies = [
        ('saas', '0011_setup'),
    ]

    operations = [
        migrations.AddField(
            model_name='tenant',
            name='brand_colour',
            field=models.CharField(db_default='', default='', max_length=7),
        ),
        migrations.AddConstraint(
            model_name='tenant',
            constraint=models.CheckConstraint(condition=models.Q(('brand_colour', ''), ('brand_colour__regex', '^#[0-9a-f]{6}$'), _connector='OR'), name='tenant_brand_colour'),
        ),
        migrations.RunSQL(
            f"grant update (brand_colour) on saas_tenant to {APP_ROLE}",
            f"revoke update (brand_colour) on saas_tenant from {APP_ROLE}",
        ),
    ]
