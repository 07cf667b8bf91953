"""Which database alias may migrate: the owner's, and no other."""


class OwnerMigrates:
    """The three aliases are one database under three roles."""

    def allow_migrate(self, db: str, app_label: str, **hints: object) -> bool:
        """Only the owner changes the schema."""
        return db == "owner"

    def allow_relation(self, obj1: object, obj2: object, **hints: object) -> bool:
        """Rows read under different roles are rows of the same database."""
        return True
