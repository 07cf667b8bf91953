"""The mode table as data: deployment mode -> adapter of each port.

Owns: which adapters exist by name and which of them this version contains. Never imports one:
`somaagent.wiring` is the only module that does.
"""

from collections.abc import Mapping
from typing import Literal, get_args

Mode = Literal["standalone", "saas"]
Port = Literal["identity", "authz", "brain", "billing", "policy", "bus", "storage"]

PORTS: tuple[Port, ...] = get_args(Port)

# Every adapter that a port is designed for, the embedded one first.
ADAPTERS: Mapping[Port, tuple[str, ...]] = {
    "identity": ("embedded", "keycloak"),
    "authz": ("embedded", "spicedb"),
    "brain": ("embedded", "http"),
    "billing": ("embedded", "lago"),
    "policy": ("embedded", "opa"),
    "bus": ("embedded", "kafka"),
    "storage": ("embedded", "s3"),
}

# Adapters whose code is part of this version. A name joins this table with its code.
AVAILABLE: Mapping[Port, frozenset[str]] = {
    **{port: frozenset({"embedded"}) for port in PORTS},
    "identity": frozenset({"embedded", "keycloak"}),
    "authz": frozenset({"embedded", "spicedb"}),
    "brain": frozenset({"embedded", "http"}),
    "bus": frozenset({"embedded", "kafka"}),
    "storage": frozenset({"embedded", "s3"}),
}

# What saas mode is designed for and this version lacks: {port: adapter}. The embedded one serves.
LACKING: Mapping[Port, str] = {
    port: ADAPTERS[port][-1] for port in PORTS if ADAPTERS[port][-1] not in AVAILABLE[port]
}

MODES: Mapping[Mode, Mapping[Port, str]] = {
    "standalone": dict.fromkeys(PORTS, "embedded"),
    "saas": {port: "embedded" if port in LACKING else ADAPTERS[port][-1] for port in PORTS},
}
