"""Configuration of SomaAgent: what may be set, where each value came from, what is refused.

Owns: the settings (`schema`), the mode table (`modes`), reading the environment, `*_FILE` files and
the YAML file (`sources`), contradictions between values (`contradictions`), the secrets that a
standalone installation makes for itself (`local_secrets`).
Never: talks to a service, imports Django, or answers an error with a default.
Flow: `load()` once a process, by `somaagent.settings`; everything else reads the frozen `Config`.
"""

from somaagent.config.findings import ConfigError, Finding
from somaagent.config.groups import ROOT
from somaagent.config.loading import load
from somaagent.config.modes import ADAPTERS, MODES
from somaagent.config.schema import Config
from somaagent.config.wording import Described, SettingDoc, reference

__all__ = [
    "ADAPTERS",
    "MODES",
    "ROOT",
    "Config",
    "ConfigError",
    "Described",
    "Finding",
    "SettingDoc",
    "load",
    "reference",
]
