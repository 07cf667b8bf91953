"""Objects (files) of tenants: a port with a local-folder adapter; S3 follows behind the same port."""
