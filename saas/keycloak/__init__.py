"""Accounts that are kept in Keycloak: one realm, with an organisation for each tenant.

`admin` its administration over HTTP · `realm` what the realm must be (`manage.py keycloak_sync`) ·
`organisations` what it holds of memberships · `copying` makes that what is true here · `entrance`
in by its sign-in page, out when somebody signs out there · `identity` the adapter of the port.
"""
