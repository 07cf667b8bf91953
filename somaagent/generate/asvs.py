"""The table of `docs/security.md`: OWASP ASVS 5.0, chapters V6 to V10, levels 1 and 2.

A test says what it shows with `@pytest.mark.asvs("6.2.1")`, a function or file what it does with a
comment `asvs: 6.2.1`. What nothing shows needs a reason here, and what is shown only in part needs
one too. Numbers are the standard's; the words are ours.
Source: OWASP Application Security Verification Standard 5.0.0.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from somaagent.config.groups import ROOT

PAGE = "docs/security.md"
BEGIN, END = "<!-- asvs: generated, do not edit -->", "<!-- asvs: end -->"
SOURCES = ("kernel", "saas", "gateway", "memory", "chat", "somaagent")
PAGES = "webui/frontend/src"
_COMMENT = re.compile(r"(?:#|//) asvs: ([\d., ]+)")

CHAPTERS = {
    "6": "Authentication", "7": "Session management", "8": "Authorisation",
    "9": "Self-contained tokens", "10": "OAuth and OpenID Connect",
}  # fmt: skip
STATES = ("met", "in part", "not met", "not shown", "does not apply")
# number: (level, our paraphrase)
REQUIREMENTS: dict[str, tuple[int, str]] = {
    "6.1.1": (1, "Written down: how guessing is slowed, without locking owners out"),
    "6.1.2": (2, "Written down: words of the context that no password may be"),
    "6.1.3": (2, "Written down: every way in, with its strength"),
    "6.2.1": (1, "Passwords have at least 8 characters"),
    "6.2.2": (1, "People can change their password"),
    "6.2.3": (1, "Changing it takes the current one"),
    "6.2.4": (1, "Common passwords are refused"),
    "6.2.5": (1, "No rules of composition"),
    "6.2.6": (1, "Password fields are masked"),
    "6.2.7": (1, "Pasting and password managers work"),
    "6.2.8": (1, "A password is checked as it was sent"),
    "6.2.9": (2, "At least 64 characters are allowed"),
    "6.2.10": (2, "Passwords do not expire"),
    "6.2.11": (2, "The words of the context are refused"),
    "6.2.12": (2, "Breached passwords are refused"),
    "6.3.1": (1, "Guessing and stuffing are stopped"),
    "6.3.2": (1, "No default accounts"),
    "6.3.3": (2, "Several factors are required"),
    "6.3.4": (2, "No way in is weaker than documented"),
    "6.4.1": (1, "Initial passwords are random and cannot stay"),
    "6.4.2": (1, "No hints, no secret questions"),
    "6.4.3": (2, "A reset does not go around the second factor"),
    "6.4.4": (2, "A lost factor is replaced only after proof"),
    "6.5.1": (2, "Codes work once"),
    "6.5.2": (2, "Short stored codes are hashed like passwords"),
    "6.5.3": (2, "Codes and seeds are random"),
    "6.5.4": (2, "Codes have at least 20 bits"),
    "6.5.5": (2, "Codes end soon"),
    "6.6.1": (2, "Codes by telephone are a last choice"),
    "6.6.2": (2, "Out-of-band codes belong to one request"),
    "6.6.3": (2, "Out-of-band codes cannot be guessed"),
    "6.8.1": (2, "One identity provider cannot name people of another"),
    "6.8.2": (2, "Signatures of assertions are always checked"),
    "6.8.3": (2, "SAML assertions are used once"),
    "6.8.4": (2, "The strength of a sign-in elsewhere is checked"),
    "7.1.1": (2, "Written down: idle and absolute life of sessions"),
    "7.1.2": (2, "Written down: how many sessions at once"),
    "7.1.3": (2, "Written down: sessions of federated sign-in"),
    "7.2.1": (1, "Sessions are checked on the server"),
    "7.2.2": (1, "Session secrets are made anew, never static"),
    "7.2.3": (1, "They are random, of 128 bits or more"),
    "7.2.4": (1, "Signing in makes a new one"),
    "7.3.1": (2, "Idle sessions end"),
    "7.3.2": (2, "Sessions end after a fixed time"),
    "7.4.1": (1, "An ended session is of no more use"),
    "7.4.2": (1, "Closing an account ends its sessions"),
    "7.4.3": (2, "A changed factor can end all other sessions"),
    "7.4.4": (2, "Signing out is in sight on every page"),
    "7.4.5": (2, "Administrators can end sessions of others"),
    "7.5.1": (2, "Changing what signs one in asks who it is again"),
    "7.5.2": (2, "People see and end their sessions, after proof"),
    "7.6.1": (2, "Lives of sessions here and at the provider fit"),
    "7.6.2": (2, "No session begins without somebody's act"),
    "8.1.1": (1, "Written down: who may do what with what"),
    "8.1.2": (2, "Written down: who may see and change which field"),
    "8.2.1": (1, "Functions are for those with the permission"),
    "8.2.2": (1, "Data is for those with the permission on it"),
    "8.2.3": (2, "Fields are for those with the permission on them"),
    "8.3.1": (1, "Rights are enforced on the server"),
    "8.4.1": (2, "Tenants cannot reach each other"),
    "9.1.1": (1, "Tokens are believed by their signature alone"),
    "9.1.2": (1, "Algorithms are from a fixed list"),
    "9.1.3": (1, "Keys are from sources that are configured"),
    "9.2.1": (1, "Times of validity are checked"),
    "9.2.2": (2, "A token of one kind does not pass for another"),
    "9.2.3": (2, "The audience is checked"),
    "9.2.4": (2, "Issued tokens name their audience"),
    "10.1.1": (2, "Tokens go only where they are needed"),
    "10.1.2": (2, "Answers are bound to the browser that asked"),
    "10.2.1": (2, "The code flow is safe from forged requests"),
    "10.2.2": (2, "Providers cannot be mixed up"),
    "10.3.1": (2, "Access tokens are for us"),
    "10.3.2": (2, "Scopes of tokens are enforced"),
    "10.3.3": (2, "People are known by what is never given to another"),
    "10.3.4": (2, "The required strength of a sign-in is checked"),
    "10.4.1": (1, "Redirect addresses are registered and compared exactly"),
    "10.4.2": (1, "A code works once, and a second use ends its tokens"),
    "10.4.3": (1, "A code lives ten minutes at most"),
    "10.4.4": (1, "Only needed grants; no implicit one, no password grant"),
    "10.4.5": (1, "Stolen refresh tokens are noticed"),
    "10.4.6": (2, "PKCE is required, never plain"),
    "10.4.7": (2, "Dynamic registration of clients is guarded"),
    "10.4.8": (2, "Refresh tokens end after a fixed time"),
    "10.4.9": (2, "People can revoke tokens"),
    "10.4.10": (2, "Confidential clients authenticate"),
    "10.4.11": (2, "Clients get only the scopes they need"),
    "10.5.1": (2, "ID tokens cannot be replayed (nonce)"),
    "10.5.2": (2, "People are known by the provider's subject"),
    "10.5.3": (2, "Metadata of another issuer is refused"),
    "10.5.4": (2, "ID tokens are for this client"),
    "10.5.5": (2, "Back-channel logout cannot be forged or confused"),
    "10.6.1": (2, "The OpenID provider allows safe response types alone"),
    "10.6.2": (2, "The OpenID provider guards against forced logout"),
    "10.7.1": (2, "Each authorisation has the person's consent"),
    "10.7.2": (2, "The question for consent is clear"),
    "10.7.3": (2, "Consents can be seen and revoked"),
}
# What a document is asked for, and which one has it.
WRITTEN = {
    "6.1.1": f"{PAGE}#guessing",
    "6.1.2": f"{PAGE}#guessing",
    "6.1.3": f"{PAGE}#ways-in",
    "7.1.1": f"{PAGE}#lives-of-sessions",
    "7.1.2": "docs/reference/settings.md",
    "7.1.3": "docs/decisions/0007-identity.md",
    "8.1.1": "docs/reference/permissions.md",
    "8.1.2": "docs/reference/permissions.md#fields",
}
DOES_NOT_APPLY = {
    "6.6.1": "nothing is sent by telephone",
    "6.6.2": "mails carry links of 256 bits, no codes to sign in with",
    "6.6.3": "mails carry links of 256 bits, no codes to sign in with",
    "6.8.3": "SAML ends at Keycloak",
    "10.4.7": "clients cannot register",
    "10.4.10": "all clients are public ones on the person's own machine",
    "10.4.11": "clients are not registered; the person's program asks for a scope",
    "10.6.1": "we issue no ID tokens",
    "10.6.2": "we issue no ID tokens",
}
# What is so by absence, which no test or line shows.
NOT_SHOWN = {
    "6.2.10": "nothing lets a password expire",
    "6.4.2": "there is nothing of the kind",
}
# What lacks: alone it is not met, beside a test or a line it is met in part.
LACKS = {
    "6.2.12": "a list of the 20,000 commonest of public leaks; all breached ones would be a "
    "service that is asked, or some gigabytes to keep",
    "6.3.3": "by default a second factor is the person's choice; each organisation can require it",
    "6.5.5": "an app's code is taken one step early or late, so for 90 s, since the clocks of "
    "phones differ (RFC 6238, section 6); it works once",
    "10.4.1": "programs are not registered: only loopback addresses are taken (RFC 8252), and the "
    "one that was asked with must come back exactly",
    "10.4.4": "SA01_PASSWORD_GRANT allows the password grant, in standalone mode unless false",
}


class AsvsError(ValueError):
    """A marker or a row does not fit the table."""


def page() -> str:
    """`docs/security.md` with its table made anew. Raises: AsvsError."""
    text = (ROOT / PAGE).read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not rest or not after:
        raise AsvsError(f"{PAGE} has lost its marks for the table")
    return f"{before}{BEGIN}\n{table()}{END}{after}"


def table() -> str:
    """The requirements by chapter, with what shows each. Raises: AsvsError."""
    shown = evidence()
    unknown = {*shown, *LACKS, *DOES_NOT_APPLY, *NOT_SHOWN} - set(REQUIREMENTS)
    if unknown:
        raise AsvsError(f"no such requirement: {', '.join(sorted(unknown))}")
    lines, counts = [], dict.fromkeys(STATES, 0)
    for chapter, title in CHAPTERS.items():
        lines += [f"\n### V{chapter} {title}\n", "| No. | Level | Asked for | State | Shown by |"]
        lines.append("|---|---|---|---|---|")
        for number, (level, words) in REQUIREMENTS.items():
            if number.split(".")[0] != chapter:
                continue
            state, why = _state(number, shown.get(number, []))
            counts[state] += 1
            lines.append(f"| {number} | {level} | {words} | {state} | {why} |")
    summary = ", ".join(f"{count} {state}" for state, count in counts.items())
    return f"{len(REQUIREMENTS)} requirements: {summary}.\n" + "\n".join(lines) + "\n"


def evidence() -> dict[str, list[str]]:
    """{requirement: [where it is shown]}: tests by name, code by function or file."""
    found: dict[str, list[str]] = {}
    for number, place in sorted({*_tests(), *_lines(), *WRITTEN.items()}):
        found.setdefault(number, []).append(place)
    return found


def _state(number: str, places: list[str]) -> tuple[str, str]:
    for state, reasons in (("does not apply", DOES_NOT_APPLY), ("not shown", NOT_SHOWN)):
        if number in reasons and places:
            raise AsvsError(f"{number}: {state}, and yet {places[0]} shows it")
        if number in reasons:
            return state, reasons[number]
    shown = "; ".join(f"`{place}`" for place in places)
    lacks = LACKS.get(number)
    if not places and lacks is None:
        raise AsvsError(f"nothing shows {number}, and no reason is given")
    if lacks is None:
        return "met", shown
    return ("in part", f"{shown}; lacks: {lacks}") if places else ("not met", lacks)


def _tests() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        text = path.read_text()
        if "mark.asvs" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.FunctionDef):
                continue
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.asvs":
                    place = f"{path.relative_to(ROOT)}::{node.name}"
                    yield from ((ast.literal_eval(one), place) for one in mark.args)


def _lines() -> Iterator[tuple[str, str]]:
    files = [path for app in SOURCES for path in sorted((ROOT / app).rglob("*.py"))]
    files += sorted((ROOT / PAGES).rglob("*.ts"))
    for path in files:
        text = path.read_text()
        for match in _COMMENT.finditer(text):
            name = _function_at(path, text, text.count("\n", 0, match.start()) + 1)
            place = f"{path.relative_to(ROOT)}{f': {name}' if name else ''}"
            yield from ((one.strip(), place) for one in match[1].split(",") if one.strip())


def _function_at(path: Path, text: str, line: int) -> str:
    """The name of the function around a line: lines move, names stay."""
    if path.suffix != ".py":
        return ""
    around = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.lineno <= line <= (node.end_lineno or 0)
    ]
    return max(around, key=lambda node: node.lineno).name if around else ""
