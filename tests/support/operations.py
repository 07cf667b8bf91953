"""What the suites know of single operations."""

# Before there is a session: possession of a password, a code, a link or a token is the check.
PUBLIC = {
    "auth_entrance", "auth_login", "auth_login_code", "auth_ask_passkey", "auth_login_passkey",
    "auth_token", "auth_refresh", "auth_request_reset", "auth_validate_reset", "auth_confirm_reset",
    "auth_confirm_email", "auth_register", "auth_confirm_register",
    "oauth_route", "oauth_start", "oauth_callback", "oauth_logout",
    "invitations_look", "invitations_join", "impersonations_return",
}  # fmt: skip
