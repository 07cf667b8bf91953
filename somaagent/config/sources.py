"""Where values come from: the environment, `*_FILE` files, a YAML file, in this order.

Owns: reading them, remembering each value's source, refusing names that nobody knows (a misspelt
variable must not fall back to a default in silence). Never judges a value.
Relative paths start at the checkout, as every process of an installation works there.
pydantic-settings is not used: it neither says where a value came from nor refuses a misspelt name.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import yaml

from somaagent.config import groups
from somaagent.config.findings import Finding
from somaagent.config.wording import accepted

CONFIG_FILE = "SA01_CONFIG_FILE"
PREFIXES = ("SA01_", "SOMA_")
# Read by tests and by the interface's build, not by the product; known here so that they pass.
SCRIPT_VARIABLES = frozenset(
    {"SOMA_CHROMIUM", "SOMA_BACKEND", "SOMA_TEST_QUESTIONS", "SOMA_TEST_REQUIRE"}
)


@dataclass(slots=True)
class Gathered:
    """Raw values by field name, the source of each, and what was refused on the way."""

    values: dict[str, object] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def put(self, name: str, value: object, source: str) -> None:
        """Take a value unless a stronger source gave one already."""
        if name not in self.values:
            self.values[name] = value
            self.sources[name] = source


def gather(environ: Mapping[str, str]) -> Gathered:
    """Read every source, the strongest first."""
    gathered = Gathered()
    _read_environment(environ, gathered)
    _read_files(environ, gathered)
    _read_yaml(environ, gathered)
    return gathered


def _read_environment(environ: Mapping[str, str], gathered: Gathered) -> None:
    fields = {groups.variable_of(name): name for name, _ in groups.fields_in_order()}
    known = {*fields, *_file_variables(), *SCRIPT_VARIABLES, CONFIG_FILE}
    for variable in sorted(environ):
        if not variable.startswith(PREFIXES) and variable not in fields:
            continue
        if variable not in known:
            given = "a name that is not a setting"
            gathered.findings.append(Finding(variable, given, _nearest(variable, known)))
        elif not environ[variable].strip():
            gathered.findings.append(Finding(variable, "nothing", "a value; or unset it"))
        elif variable in fields:
            gathered.put(fields[variable], environ[variable], f"environment {variable}")


def _read_files(environ: Mapping[str, str], gathered: Gathered) -> None:
    for variable, name in _file_variables().items():
        if variable not in environ or name in gathered.values:
            continue
        path = groups.ROOT / environ[variable]
        try:
            gathered.put(name, path.read_text().strip(), f"file {path} ({variable})")
        except (OSError, UnicodeDecodeError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) else "not text"
            gathered.findings.append(Finding(variable, f"{path}: {reason}", "a readable file"))


def _read_yaml(environ: Mapping[str, str], gathered: Gathered) -> None:
    if not environ.get(CONFIG_FILE, "").strip():
        return
    path = groups.ROOT / environ[CONFIG_FILE]
    try:
        document = yaml.safe_load(path.read_text()) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
        reason = " ".join(str(exc).split())
        gathered.findings.append(Finding(CONFIG_FILE, f"{path}: {reason}", "a readable YAML file"))
        return
    if not isinstance(document, dict):
        wanted = "one `name: value` a line, as in config/dev.yaml"
        gathered.findings.append(Finding(CONFIG_FILE, f"{path}: not a table", wanted))
        return
    known = dict(groups.fields_in_order())
    for name, value in document.items():
        where = f"{name} in {path}"
        if name not in known:
            gathered.findings.append(Finding(where, "not a setting", _nearest(str(name), known)))
        elif value is None:
            gathered.findings.append(Finding(where, "nothing", accepted(known[name])))
        else:
            gathered.put(name, value, f"file {path}")


def _file_variables() -> dict[str, str]:
    return {
        f"{groups.variable_of(name)}_FILE": name
        for name, field_info in groups.fields_in_order()
        if groups.is_secret(field_info)
    }


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]}?"
    return "the names in docs/reference/settings.md"
