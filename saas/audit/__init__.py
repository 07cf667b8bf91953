"""The audit log: `recording` writes, `sealing` chains, `exploring` reads, `archiving` puts away,
`verifying` checks all of it."""

from saas.audit.recording import OPERATOR, PLATFORM_TENANT, acted_since, audit

__all__ = ["OPERATOR", "PLATFORM_TENANT", "acted_since", "audit"]
