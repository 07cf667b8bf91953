"""From sources to a `Config`, or to the list of everything that is wrong with them."""

import os
from collections.abc import Mapping

from pydantic import ValidationError

from somaagent.config import groups
from somaagent.config.contradictions import contradictions
from somaagent.config.findings import ConfigError, Finding
from somaagent.config.schema import Config
from somaagent.config.sources import Gathered, gather
from somaagent.config.wording import HIDDEN, accepted


def load(environ: Mapping[str, str] = os.environ) -> Config:
    """Return the configuration that `environ` and the files that it names describe.

    Raises: ConfigError with every finding at once.
    """
    gathered = gather(environ)
    findings = list(gathered.findings)
    refused: set[str] = set()
    try:
        config = Config.model_validate(gathered.values)
    except ValidationError as exc:
        refused = {str(error["loc"][0]) for error in exc.errors()}
        findings += [_finding(name, gathered) for name in sorted(refused)]
        # What is left still shows contradictions, so that one start lists everything.
        rest = {name: value for name, value in gathered.values.items() if name not in refused}
        config = Config.model_validate(rest)
    findings += [
        finding
        for finding in contradictions(config)
        if finding.variable not in {groups.variable_of(name) for name in refused}
    ]
    if findings:
        raise ConfigError(findings)
    config.remember_sources(gathered.sources)
    return config


def _finding(name: str, gathered: Gathered) -> Finding:
    field = dict(groups.fields_in_order())[name]
    given = HIDDEN if groups.is_secret(field) else repr(gathered.values[name])
    source = gathered.sources[name]
    where = "" if source.startswith("environment") else f" ({source})"
    return Finding(groups.variable_of(name), f"{given}{where}", accepted(field))
