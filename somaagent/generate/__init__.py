"""Generated files: reference documents, the OpenAPI document, TypeScript frame types.

`manage.py generate` writes them, `manage.py generate --check` fails when one is out of date.
"""
