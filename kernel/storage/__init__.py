"""Objects (files) of tenants: a port, and its adapter on a local folder."""
