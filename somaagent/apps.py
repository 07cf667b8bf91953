"""Django registration; binds ports when the registry is ready."""

from django.apps import AppConfig


class SomaAgentConfig(AppConfig):
    """App registry entry of the composition root."""

    name = "somaagent"

    def ready(self) -> None:
        """Bind every port."""
        from somaagent import wiring  # after the registry is ready

        wiring.wire()
