"""SCIM 2.0 (RFC 7643, 7644): a company's directory says who belongs to its tenant.

`connection` the tenant's bearer · `roles` what groups give · `resources` the models of the
standard, what we tolerate, what we announce · `paging` filters and pages · `users`, `groups` what
the directory's acts do here · `http` the protocol. Rules: `docs/decisions/0007-identity.md`.
"""
