"""Keys of programs: `token` the secret (pure), `principal` who a key speaks for, `verbs`."""
