"""Single sign-on: a tenant's people sign in where their company keeps them.

`providers` what a tenant sets up · `domains` whose addresses it speaks for · `trial` the live test
· `doors` theirs and the platform's own · `flow` out to the provider and back · `discovery`,
`exchange`, `claims` the protocol (OpenID Connect; GitHub's OAuth) · `people` from what a provider
says to a person with a membership · `web` the guarded way out.
"""
