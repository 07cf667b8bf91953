"""People of a tenant: memberships, roles, what they were given on single objects."""
