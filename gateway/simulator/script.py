"""What the simulator answers: rules, and the plan that they give for one request.

Pure. A script is JSON or YAML: a list of rules, or {defaults: {...}, rules: [...]}. A rule:

    {when: regex on the last user message (absent: always), times: how often it applies (absent:
     always), reply: text, reasoning: text, tool_calls: [{name, arguments: object or text}],
     fail: a FAILURES key, after: tokens before a failure inside the stream, retry_after: seconds,
     tokens: number of default words, ttft_ms, gap_ms}

The first rule that matches and is not used up applies; without one, the defaults.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

# Refusals: kind -> (status, code, type, message) of the error object.
REFUSALS: dict[str, tuple[int, str, str, str]] = {
    "401": (401, "invalid_api_key", "invalid_request_error", "Incorrect API key: sk-leaked."),
    "402": (402, "insufficient_balance", "billing_error", "Insufficient balance."),
    "403": (403, "forbidden", "permission_error", "Not allowed here."),
    "404": (404, "model_not_found", "invalid_request_error", "The model does not exist."),
    "429": (429, "rate_limit_exceeded", "rate_limit_error", "Rate limit reached for org-secret."),
    "quota": (429, "insufficient_quota", "insufficient_quota", "You exceeded your quota."),
    "500": (500, "server_error", "server_error", "Traceback (most recent call last): secret"),
    "503": (503, "overloaded", "server_error", "Overloaded."),
    "400": (400, "invalid_value", "invalid_request_error", "Invalid value somewhere."),
    "context": (
        400,
        "context_length_exceeded",
        "invalid_request_error",
        "This model's maximum context length is 8 tokens.",
    ),
    "filter": (400, "content_filter", "invalid_request_error", "Content policy."),
}
# Failures of the connection or of the stream: kind -> what happens.
BREAKS: dict[str, str] = {
    "hang": "the request is read and never answered",
    "hang-first": "status and headers are sent, no token ever",
    "stall": "silence after `after` tokens",
    "cut": "the connection closes inside an event after `after` tokens",
    "cut-first": "the connection closes after the headers",
    "reset": "the connection is reset without an answer",
    "html": "status 200 with a web page",
    "redirect": "status 302 to another address",
    "half-json": "an event with half of its JSON after `after` tokens, then a proper end",
    "error-event": "an error object inside the stream after `after` tokens",
    "no-done": "the stream ends without [DONE]",
    "no-finish": "the stream ends without a finish reason and without [DONE]",
    "no-usage": "usage is not sent, though asked for",
    "no-stream-options": "status 400 for requests that have stream_options, else normal",
    "no-limit": "the answer goes on past the request's limit of tokens",
    "not-streamed": "one JSON object although a stream was asked for",
    "slow": "ten times the gap",
    "bytes": "every byte of the stream is sent on its own",
    "twice": "every event of the stream is sent twice",
    "negative-usage": "the tokens that are told are below zero",
}
FAILURES = frozenset(REFUSALS) | frozenset(BREAKS)

_TOKEN = re.compile(r"\s*\S+|\s+$")


class ScriptInvalid(ValueError):
    """The script has an unknown field, failure or a regex that does not compile."""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call to answer with. `arguments`: JSON text."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with one request. Times in milliseconds."""

    ttft_ms: float = 0.0
    gap_ms: float = 0.0
    tokens: int = 20
    reply: str | None = None
    reasoning: str = ""
    tool_calls: tuple[Call, ...] = ()
    fail: str = ""
    after: int = 3
    retry_after: float | None = None

    def words(self) -> list[str]:
        """The tokens of the answer, in order; joined they are the reply."""
        if self.reply is not None:
            return _TOKEN.findall(self.reply)
        if self.tool_calls:
            return []
        return [f"word{number} " for number in range(self.tokens)]


@dataclass(slots=True)
class Rule:
    """A pattern with the fields of `Plan` that it sets. `left`: uses left, None = without end."""

    when: re.Pattern[str] | None
    sets: dict[str, Any]
    left: int | None = None


@dataclass(slots=True)
class Script:
    """Defaults and rules, with the count of their uses."""

    defaults: Plan = field(default_factory=Plan)
    rules: list[Rule] = field(default_factory=list)

    def plan(self, last_user_text: str) -> Plan:
        """The plan for a request; counts the use of the rule."""
        for rule in self.rules:
            if rule.left == 0 or (rule.when and not rule.when.search(last_user_text)):
                continue
            if rule.left is not None:
                rule.left -= 1
            return replace(self.defaults, **rule.sets)
        return self.defaults


def parse_script(source: object, defaults: Plan) -> Script:
    """A script from parsed JSON or YAML. Raises: ScriptInvalid."""
    if isinstance(source, Mapping):
        defaults = replace(defaults, **_plan_fields(source.get("defaults") or {}))
        source = source.get("rules") or []
    if not isinstance(source, list):
        raise ScriptInvalid("a script is a list of rules")
    return Script(defaults, [_rule(entry) for entry in source])


def load_script(text: str, defaults: Plan) -> Script:
    """A script from the text of a file: JSON, else YAML. Raises: ScriptInvalid."""
    try:
        return parse_script(json.loads(text), defaults)
    except json.JSONDecodeError:
        # Imported here: it costs 20 ms that a simulator without YAML need not pay.
        import yaml

        try:
            return parse_script(yaml.safe_load(text), defaults)
        except yaml.YAMLError as exc:
            raise ScriptInvalid("neither JSON nor YAML") from exc


def _rule(entry: object) -> Rule:
    if not isinstance(entry, Mapping):
        raise ScriptInvalid("a rule is an object")
    rest = dict(entry)
    when, times = rest.pop("when", None), rest.pop("times", None)
    try:
        pattern = re.compile(when, re.IGNORECASE | re.DOTALL) if when else None
    except (re.error, TypeError) as exc:
        msg = f"not a regex: {when}"
        raise ScriptInvalid(msg) from exc
    return Rule(pattern, _plan_fields(rest), times)


def _plan_fields(source: Mapping[str, Any]) -> dict[str, Any]:
    known = {entry.name for entry in fields(Plan)}
    unknown = sorted(set(source) - known)
    if unknown:
        msg = f"unknown fields: {', '.join(unknown)}"
        raise ScriptInvalid(msg)
    sets = dict(source)
    if sets.get("fail") and str(sets["fail"]) not in FAILURES:
        msg = f"unknown failure: {sets['fail']}"
        raise ScriptInvalid(msg)
    if "fail" in sets:
        sets["fail"] = str(sets["fail"] or "")
    if "tool_calls" in sets:
        sets["tool_calls"] = tuple(
            Call(
                str(call["name"]),
                call["arguments"]
                if isinstance(call.get("arguments"), str)
                else json.dumps(call.get("arguments") or {}),
            )
            for call in sets["tool_calls"]
        )
    return sets
