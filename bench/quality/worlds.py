"""Reads the dialogues and questions of `worlds/*.txt` and fills them up with small talk.

Format of a file: `== date time` opens a session; `Name [id]: text` is a turn (the id only where a
question needs it); `~ n` asks for n turns of small talk; `? class | question | ids | asked on` is
a question, with the ids of the turns that answer it (none: it was never said).
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from bench.quality.smalltalk import exchange

PLACE = Path(__file__).parent / "worlds"
CLASSES = ("single", "paraphrase", "multi-hop", "time", "update", "person", "never")
HALVES = {"tune": False, "held": True}
# Small talk in sessions of their own between two sessions, in turns.
BETWEEN = 14
_TURN = re.compile(r"(?P<who>\w+)(?: \[(?P<id>\w+)\])?: (?P<text>.+)")


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing said. `turn_id`: unique in its world; `session`: number of the conversation."""

    turn_id: str
    session: int
    who: str
    text: str
    said_at: datetime

    @property
    def passage(self) -> str:
        """What is remembered: with the name in front, unless a person talks to the assistant."""
        return self.text if self.who in {"user", "assistant"} else f"{self.who}: {self.text}"


@dataclass(frozen=True, slots=True)
class Question:
    """A question, when it is asked, and the turns that answer it (empty: never said)."""

    kind: str
    text: str
    answers: frozenset[str]
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class World:
    """One memory: all that was said, in order, and what is asked about it."""

    name: str
    is_held_out: bool
    turns: tuple[Turn, ...]
    questions: tuple[Question, ...]


def worlds() -> tuple[World, ...]:
    """All dialogues; the same on every call."""
    return tuple(_read(path) for path in sorted(PLACE.glob("*.txt")))


def _read(path: Path) -> World:
    is_held_out = HALVES[path.stem.partition("_")[0]]
    lines = [line for line in path.read_text("utf-8").splitlines() if line and line[0] != "#"]
    script = [line for line in lines if not line.startswith("?")]
    turns = _Talk(script, is_held_out=is_held_out, seed=path.stem).turns
    known = {turn.turn_id for turn in turns}
    end = turns[-1].said_at + timedelta(days=3)
    questions = tuple(_question(line, end) for line in lines if line.startswith("?"))
    for one in questions:
        if (
            one.answers - known
            or one.kind not in CLASSES
            or bool(one.answers) == (one.kind == "never")
        ):
            message = f"{path.name}: {one}"
            raise ValueError(message)
    return World(path.stem, is_held_out, tuple(turns), questions)


def _question(line: str, end: datetime) -> Question:
    kind, text, answers, asked, *_ = [*(part.strip() for part in line[1:].split("|")), "", ""]
    asked_at = datetime.fromisoformat(f"{asked} 12:00").replace(tzinfo=UTC) if asked else end
    return Question(kind, text, frozenset(filter(None, answers.split(","))), asked_at)


class _Talk:
    """Builds the turns of one world, line by line."""

    def __init__(self, script: list[str], *, is_held_out: bool, seed: str) -> None:
        self.turns: list[Turn] = []
        self._chance = Random(seed)
        self._is_held_out = is_held_out
        self._names = sorted({match["who"] for line in script if (match := _TURN.match(line))})
        self._session = 0
        self._at = datetime.min.replace(tzinfo=UTC)
        for line in script:
            if line.startswith("=="):
                self._open(datetime.fromisoformat(line[3:]).replace(tzinfo=UTC))
            elif line.startswith("~"):
                self._chat(int(line[1:]))
            elif match := _TURN.match(line):
                self._say(match["who"], match["text"], match["id"])
            else:
                message = f"neither turn nor session: {line}"
                raise ValueError(message)

    def _open(self, begins_at: datetime) -> None:
        if self.turns:
            gap = begins_at - self._at
            self._session += 1
            self._at += gap * self._chance.uniform(0.3, 0.7)
            self._chat(BETWEEN)
        self._session += 1
        self._at = begins_at

    def _chat(self, count: int) -> None:
        with_assistant = "assistant" in self._names
        for _ in range(count // 2):
            first, second = self._chance.sample(self._names, 2)
            if with_assistant:
                first, second = "user", "assistant"
            said, answered = exchange(
                self._chance, with_assistant=with_assistant, is_held_out=self._is_held_out
            )
            self._say(first, said, None)
            self._say(second, answered, None)

    def _say(self, who: str, text: str, turn_id: str | None) -> None:
        self._at += timedelta(seconds=self._chance.randint(15, 90))
        number = len(self.turns)
        self.turns.append(Turn(turn_id or f"#{number}", self._session, who, text, self._at))
