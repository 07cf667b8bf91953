"""What is wrong with a configuration, in words for the person who must repair it.

Owns: `Finding` and the one rendering of a list of findings. Never shows the value of a secret.
"""

from collections.abc import Sequence
from dataclasses import dataclass

EXIT_CODE = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One refused setting: its variable, what was given (redacted), what is accepted."""

    variable: str
    given: str
    accepted: str

    def __str__(self) -> str:
        return f"  {self.variable}: {self.given}\n      accepted: {self.accepted}"


class ConfigError(Exception):
    """Start refused; carries every finding, never only the first."""

    exit_code = EXIT_CODE

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        count = len(self.findings)
        noun = "setting needs" if count == 1 else "settings need"
        lines = [f"Start refused: {count} {noun} attention.", *map(str, self.findings)]
        super().__init__("\n".join(lines))
