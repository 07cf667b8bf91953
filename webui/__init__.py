"""The web interface: serves the built Lit application and knows whether it is up to date."""
