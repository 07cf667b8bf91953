"""What a person asks to be stored of a provider, checked. Pure apart from the address look-up."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gateway.egress import check_base_url
from gateway.errors import AddressRefused
from gateway.keys import clean_key
from gateway.presets import KINDS, Kind, limits_of
from kernel.errors import Unprocessable
from kernel.text import checked

NAME_LIMIT = 100
MODEL_NAME_LIMIT = 200
MODELS_LIMIT = 100
TOKENS_LIMIT = 100_000_000


@dataclass(frozen=True, slots=True)
class ModelDraft:
    """A model to store. None: what is known of it, or assumed."""

    name: str
    display_name: str | None = None
    window: int | None = None
    output_limit: int | None = None


@dataclass(frozen=True, slots=True)
class ProviderDraft:
    """A provider to create."""

    name: str
    kind: str
    base_url: str | None = None
    api_key: str | None = None
    models: tuple[ModelDraft, ...] = ()
    self_hosted: bool | None = None


@dataclass(frozen=True, slots=True)
class ProviderChange:
    """What to change; None leaves as it is. `api_key` "" removes the key.

    `models`: the whole new list; a model that is not in it is removed.
    """

    name: str | None = None
    base_url: str | None = None
    api_key: str | None = None
    enabled: bool | None = None
    models: tuple[ModelDraft, ...] | None = None
    self_hosted: bool | None = None


@dataclass(slots=True)
class Findings:
    """All that is wrong with a draft, told at once."""

    errors: list[dict[str, str]] = field(default_factory=list)

    def add(self, pointer: str, detail: str) -> None:
        """Note a value that is not accepted."""
        self.errors.append({"pointer": pointer, "detail": detail})

    def settle(self) -> None:
        """Raises: Unprocessable, when anything was found."""
        if self.errors:
            raise Unprocessable(
                "Nothing was kept. " + " ".join(f"{it['detail']}." for it in self.errors),
                errors=self.errors,
            )


def checked_draft(draft: ProviderDraft) -> ProviderDraft:
    """The draft, cleaned. Raises: Unprocessable (all findings at once), UnstorableText."""
    findings = Findings()
    kind = KINDS.get(draft.kind)
    if kind is None:
        findings.add("/kind", "is not a kind that we know")
    name = checked_name(draft.name, findings)
    base_url = checked_url(draft.base_url or "", findings)
    key = clean_key(draft.api_key or "")
    if kind is not None:
        if not base_url and kind.default_base_url is None and kind.wire == "openai":
            findings.add("/base_url", "an address is needed for this kind")
        if kind.needs_key and not key:
            findings.add("/api_key", "a key is needed for this kind")
    models = checked_models(draft.models, kind, findings)
    findings.settle()
    return ProviderDraft(name, draft.kind, base_url, key, models, draft.self_hosted)


def checked_name(name: str, findings: Findings) -> str:
    """The name without surrounding spaces."""
    name = checked(name, "/name").strip()
    if not 1 <= len(name) <= NAME_LIMIT:
        findings.add("/name", f"a name of 1 to {NAME_LIMIT} characters is needed")
    return name


def checked_url(url: str, findings: Findings) -> str:
    """The address without trailing slash; empty for the kind's own."""
    url = checked(url, "/base_url").strip().rstrip("/")
    if url:
        try:
            check_base_url(url, allow_private=True)
        except AddressRefused as refused:
            findings.add("/base_url", refused.detail.rstrip("."))
    return url


def checked_models(
    drafts: tuple[ModelDraft, ...],
    kind: Kind | None,
    findings: Findings,
    stored: Mapping[str, ModelDraft] | None = None,
) -> tuple[ModelDraft, ...]:
    """The models with every field filled in: as given, else as `stored`, else as known.

    Of two with one name the first counts.
    """
    if len(drafts) > MODELS_LIMIT:
        findings.add("/models", f"at most {MODELS_LIMIT} models")
        return ()
    found: dict[str, ModelDraft] = {}
    for index, draft in enumerate(drafts):
        pointer = f"/models/{index}"
        name = checked(draft.name, f"{pointer}/name").strip()
        if not 1 <= len(name) <= MODEL_NAME_LIMIT:
            findings.add(f"{pointer}/name", f"1 to {MODEL_NAME_LIMIT} characters are needed")
        for label, tokens in (("window", draft.window), ("output_limit", draft.output_limit)):
            if tokens is not None and not 1 <= tokens <= TOKENS_LIMIT:
                findings.add(f"{pointer}/{label}", "tokens, 1 or more")
        display_name = checked(draft.display_name or "", f"{pointer}/display_name").strip()
        given = replace(draft, name=name, display_name=display_name[:MODEL_NAME_LIMIT])
        before = (stored or {}).get(name, ModelDraft(name))
        found.setdefault(name, _filled(given, before, kind.kind if kind else ""))
    return tuple(found.values())


def _filled(given: ModelDraft, before: ModelDraft, kind: str) -> ModelDraft:
    known = limits_of(kind, given.name)
    window = given.window or before.window or known.window
    output_limit = given.output_limit or before.output_limit or known.output_limit
    return ModelDraft(
        given.name,
        given.display_name or before.display_name or known.display_name,
        window,
        # An answer as long as the window would leave no room for the question.
        output_limit if given.output_limit else min(output_limit, max(1, window // 2)),
    )
