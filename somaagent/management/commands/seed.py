"""`manage.py seed`: a demo tenant with people and agents; running it again changes nothing."""

from typing import Any

from django.core.management.base import BaseCommand

from chat.facade import create_agent, list_agents
from saas.models import Role
from saas.provisioning import ensure_membership, ensure_person, ensure_tenant, member_actor

TENANT_NAME, TENANT_SLUG = "Demo Company", "demo"
PEOPLE = (
    ("sysadmin@demo.localhost", "Sina Sysadmin", Role.SYSADMIN),
    ("admin@demo.localhost", "Ada Admin", Role.ADMIN),
    ("member@demo.localhost", "Max Member", Role.MEMBER),
    ("viewer@demo.localhost", "Vera Viewer", Role.VIEWER),
)
AGENTS = (
    (
        "Writer",
        "You help people write clearly. Keep their voice; shorten; explain what you changed.",
    ),
)


class Command(BaseCommand):
    help = "Create the demo tenant, its people and agents (idempotent)."

    def handle(self, *args: Any, **options: Any) -> None:
        tenant_id = ensure_tenant(TENANT_NAME, TENANT_SLUG)
        sysadmin_id = None
        for email, name, role in PEOPLE:
            person = ensure_person(email, name)
            ensure_membership(person.user_id, tenant_id, role)
            sysadmin_id = sysadmin_id or person.user_id
            secret = person.one_time_password or "(exists; password unchanged)"
            self.stdout.write(f"{role.label:16} {email:28} {secret}")
        assert sysadmin_id is not None  # noqa: S101  # PEOPLE is not empty
        actor = member_actor(sysadmin_id, tenant_id)
        known = {agent.name for agent in list_agents(actor, 100, None)}
        for name, instructions in AGENTS:
            if name not in known:
                create_agent(actor, name, instructions, None)
        self.stdout.write(f"Agents: {', '.join(sorted(known | {name for name, _ in AGENTS}))}")
