"""Providers that the environment names, and an Ollama that runs beside us.

`named_in` is pure; `discover` asks the network, briefly. Writing rows is `gateway.verbs`'.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gateway.keys import environment_key
from gateway.ports import Endpoint, EndpointProbe
from gateway.presets import KINDS, OLLAMA_URL, Kind, chat_models
from gateway.router import ModelRouter

OLLAMA_TIMEOUT_S = 0.3
LISTING_TIMEOUT_S = 2.0
MODELS_LIMIT = 20
OPENAI_URL_VARIABLE = "OPENAI_BASE_URL"


@dataclass(frozen=True, slots=True)
class FoundProvider:
    """A provider to have a row. `models`: names, best first; empty when it did not answer.

    `asks`: the endpoint lists its own models. `optional`: without an answer there is no provider.
    """

    kind: str
    name: str
    base_url: str
    models: tuple[str, ...] = ()
    asks: bool = False
    optional: bool = False
    timeout_s: float = LISTING_TIMEOUT_S


def named_in(environ: Mapping[str, str]) -> list[FoundProvider]:
    """What the variables name, in the order of the presets."""
    elsewhere = environ.get(OPENAI_URL_VARIABLE, "").strip()
    if elsewhere.rstrip("/") == KINDS["openai"].default_base_url:
        elsewhere = ""
    found: list[FoundProvider] = []
    for kind in KINDS.values():
        match kind.kind:
            case "ollama":
                found.append(_ollama(kind, environ))
            case "openai-compatible" if elsewhere:
                named = tuple(filter(None, [environ.get("OPENAI_MODEL", "").strip()]))
                found.append(
                    FoundProvider(kind.kind, _name(kind), elsewhere, named, asks=not named)
                )
            case "openai" if elsewhere:
                # The key belongs to the server that the URL names, not to OpenAI.
                continue
            case _ if kind.models and environment_key(kind.kind, environ):
                models = tuple(model.name for model in kind.models)
                found.append(FoundProvider(kind.kind, _name(kind), "", models))
    return found


async def discover(router: ModelRouter, environ: Mapping[str, str]) -> list[FoundProvider]:
    """`named_in`, with the models of those that list them themselves. Takes two seconds at most."""
    named = named_in(environ)
    try:
        probes = await asyncio.gather(*(_ask(router, entry, environ) for entry in named))
    finally:
        await router.close()
    return list(_with_models(zip(named, probes, strict=True)))


async def _ask(
    router: ModelRouter, found: FoundProvider, environ: Mapping[str, str]
) -> EndpointProbe | None:
    if not found.asks:
        return None
    endpoint = Endpoint(found.base_url, environment_key(found.kind, environ), found.kind, "")
    return await router.probe_endpoint(endpoint, found.timeout_s)


def _with_models(
    pairs: Iterable[tuple[FoundProvider, EndpointProbe | None]],
) -> Iterable[FoundProvider]:
    for found, probe in pairs:
        if probe is None:
            yield found
        elif probe.ok:
            yield replace(found, models=tuple(chat_models(probe.models)[:MODELS_LIMIT]))
        elif not found.optional:
            yield found


def _ollama(kind: Kind, environ: Mapping[str, str]) -> FoundProvider:
    url = _ollama_url(environ)
    return FoundProvider(
        kind.kind,
        _name(kind),
        url,
        asks=True,
        # Named by a variable it is wanted; at its usual place it may just be absent.
        optional=url == OLLAMA_URL,
        timeout_s=OLLAMA_TIMEOUT_S if url == OLLAMA_URL else LISTING_TIMEOUT_S,
    )


def _ollama_url(environ: Mapping[str, str]) -> str:
    """`OLLAMA_BASE_URL` as it is, or `OLLAMA_HOST` as Ollama reads it (host, host:port or URL)."""
    base_url = environ.get("OLLAMA_BASE_URL", "").strip()
    if base_url:
        return base_url
    host = environ.get("OLLAMA_HOST", "").strip().rstrip("/")
    if not host:
        return OLLAMA_URL
    if "://" in host:
        return f"{host}/v1"
    # An address to listen on everywhere is not one that can be called.
    place = host.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
    return f"http://{place}/v1" if ":" in place else f"http://{place}:11434/v1"


def _name(kind: Kind) -> str:
    return f"{kind.title} (environment)"
