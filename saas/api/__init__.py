"""HTTP entry of saas: who is asking (`auth`) and the sign-in operations (`sign_in`)."""
