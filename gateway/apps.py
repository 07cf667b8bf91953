"""Django registration of the gateway's tables."""

from django.apps import AppConfig


class GatewayConfig(AppConfig):
    """App registry entry."""

    name = "gateway"
