"""Migrations are linear, complete, and never import an app's code."""

import ast
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader

ROOT = Path(__file__).resolve().parents[2]
APPS = ("kernel", "saas", "gateway", "memory", "chat")
FILES = [path for app in APPS for path in (ROOT / app / "migrations").glob("0*.py")]
# Operations, column types and defaults that are part of the migration language.
ALLOWED = ("kernel.rls", "kernel.ids", "kernel.clock")


@pytest.mark.parametrize("app", APPS)
def test_each_app_has_one_linear_chain(app: str) -> None:
    graph = MigrationLoader(None, ignore_no_migrations=False).graph
    assert len(graph.leaf_nodes(app)) == 1
    nodes = [node for node in graph.nodes if node[0] == app]
    for node in nodes:
        inner = [parent for parent in graph.node_map[node].parents if parent.key[0] == app]
        assert len(inner) <= 1


def test_models_and_migrations_agree(database: None) -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parts[-3]}/{path.name}")
def test_a_migration_imports_no_app_code(path: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module)
        elif isinstance(node, ast.Import):
            imported.update(alias.name for alias in node.names)
    ours = {name for name in imported if name.split(".")[0] in APPS}
    assert {name for name in ours if not name.startswith(ALLOWED)} == set()
