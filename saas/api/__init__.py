"""HTTP entry of saas: who is asking (`auth`), signing in, accounts, factors, sessions, tokens."""
