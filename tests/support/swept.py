"""The report of the sweeps: who met what, counted, printed and kept in test-report/sweep.json."""

import json
from collections import Counter
from dataclasses import dataclass, field

import pytest

from tests.support.report import REPORT_DIR

FILE = REPORT_DIR / "sweep.json"


@dataclass
class Swept:
    """What one sweep met. `answers`: {entry: {who: what}}; `unexpected`: against the schema."""

    of: str
    counts: Counter[str] = field(default_factory=Counter)
    answers: dict[str, dict[str, object]] = field(default_factory=dict)
    unexpected: list[tuple[str, str, object]] = field(default_factory=list)

    def met(self, entry: str, who: str, what: object, *, allowed: bool, expected: bool) -> None:
        """Note one answer."""
        self.counts["allowed" if allowed else "denied"] += 1
        self.answers.setdefault(entry, {})[who] = what
        if not expected:
            self.unexpected.append((entry, who, what))

    def close(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Print one line, keep the whole beside the other sweeps, and fail on a surprise."""
        who = {name for by in self.answers.values() for name in by}
        line = (
            f"sweep of {len(self.answers)} {self.of} x {len(who)} people and places: "
            f"{self.counts['allowed']} allowed, {self.counts['denied']} denied, "
            f"{len(self.unexpected)} unexpected"
        )
        with capsys.disabled():
            print(f"\n{line}")
        REPORT_DIR.mkdir(exist_ok=True)
        kept = json.loads(FILE.read_text()) if FILE.exists() else {}
        kept[self.of] = {
            "summary": line, "unexpected": self.unexpected, "answers": self.answers,
        }  # fmt: skip
        FILE.write_text(json.dumps(kept, indent=1, default=str))
        assert self.unexpected == []
