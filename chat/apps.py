"""Django registration of chat; declares relations and consumers."""

from django.apps import AppConfig


class ChatConfig(AppConfig):
    """App registry entry."""

    name = "chat"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Say which columns hold relations; register event consumers and tenant starters."""
        from chat import agents, subscribers  # noqa: F401  # needs the model registry
        from chat.models import Agent, Conversation
        from saas.facade import on_new_tenant, relate

        relate("agent", Agent)
        relate("conversation", Conversation, owner="user_id", agent="agent_id")
        on_new_tenant(agents.ensure_first_agent)
