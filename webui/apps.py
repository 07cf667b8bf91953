"""Django's entry of the web interface."""

from django.apps import AppConfig


class WebuiConfig(AppConfig):
    """The shell page, the diagram frame and the build check."""

    name = "webui"
    label = "webui"
    verbose_name = "Web interface"
