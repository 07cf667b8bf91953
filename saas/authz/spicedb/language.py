"""The table of permissions in SpiceDB's schema language. Pure."""

from saas.authz.schema import SCHEMA, Both, Either, Expression, ObjectType, One, Via

# The people of all tenants are objects of one type; their names carry the tenant.
PERSON = "user"


def zed_schema() -> str:
    """The schema, one relation or permission a line."""
    parts = ["use expiration", f"definition {PERSON} {{}}"]
    parts += [_definition(kind, entry) for kind, entry in SCHEMA.items()]
    return "\n\n".join(parts) + "\n"


def _definition(kind: str, entry: ObjectType) -> str:
    lines = [f"definition {kind} {{"]
    for relation in entry.relations:
        if relation in SCHEMA:
            to = relation
        elif relation in entry.grantable:
            to = f"{PERSON} | {PERSON} with expiration"
        else:
            to = PERSON
        lines.append(f"  relation {relation}: {to}")
    for name, expression in entry.permissions.items():
        lines.append(f"  permission {name} = {_words(expression)}")
    return "\n".join([*lines, "}"])


def _words(expression: Expression) -> str:
    match expression:
        case One(relation):
            return relation
        case Via(relation, permission):
            return f"{relation}->{permission}"
        case Either(terms):
            return "(" + " + ".join(_words(term) for term in terms) + ")"
        case Both(terms):
            return "(" + " & ".join(_words(term) for term in terms) + ")"
