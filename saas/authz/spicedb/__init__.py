"""SpiceDB behind the authorisation port: `language` its schema, `tuples` its facts, `authority`."""
