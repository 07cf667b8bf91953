"""Django registration of the saas app."""

from django.apps import AppConfig

from kernel.holding import hold


class SaasConfig(AppConfig):
    """App registry entry."""

    name = "saas"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Audit entries are sealed as they come; what runs for suspended tenants waits."""
        from saas.audit import sealing  # noqa: F401  # apps are loaded only now
        from saas.provisioning import suspended_tenants

        hold(suspended_tenants)
