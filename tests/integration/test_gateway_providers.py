"""Providers and models as rows: who may do what, where keys go, what is chosen."""

import asyncio
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.db import ProgrammingError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from gateway.adapters.litellm import LiteLLM
from gateway.adapters.openai_wire import OpenAIWire
from gateway.catalogue import Catalogue
from gateway.drafts import ModelDraft, ProviderChange, ProviderDraft
from gateway.errors import ModelError, NoModelConfigured
from gateway.facade import choose, model_names, stream
from gateway.models import Model, Provider
from gateway.parts import Message, ModelRequest, TextDelta
from gateway.router import MODELS, ModelRouter
from gateway.sync import sync_environment
from gateway.trial import try_provider
from gateway.verbs import (
    ModelNotUsable,
    ProviderFromEnvironment,
    ProviderNameTaken,
    create_provider,
    delete_provider,
    list_kinds,
    list_models,
    list_providers,
    set_default_model,
    update_provider,
)
from kernel.db import platform_unit
from kernel.errors import Forbidden, NotFound, Unprocessable
from saas.models import AuditEntry
from tests.support.cast import Cast
from tests.support.simulator import SimulatedProvider, simulated_provider

KEY = "sk-very-secret-0123456789"
NOWHERE = "http://127.0.0.1:9/v1"


@pytest.fixture(scope="module")
def provider() -> Iterator[SimulatedProvider]:
    with simulated_provider(tokens=5) as running:
        yield running


@pytest.fixture(autouse=True)
def router(database: None) -> Iterator[ModelRouter]:
    """A fresh router, so that breakers and snapshots of one test do not reach the next."""
    before = MODELS.get() if MODELS.is_bound else None
    fresh = ModelRouter({"openai": OpenAIWire(), "litellm": LiteLLM()}, Catalogue())
    MODELS.bind(fresh)
    yield fresh
    if before is not None:
        MODELS.bind(before)


def draft(name: str = "Simulator", base_url: str = NOWHERE, **fields: object) -> ProviderDraft:
    values = {"api_key": KEY, "models": (ModelDraft("m1"), ModelDraft("m2", window=9_000))}
    return ProviderDraft(name, "openai-compatible", base_url, **{**values, **fields})  # type: ignore[arg-type]


def audited(action: str) -> AuditEntry:
    with platform_unit("test") as alias:
        return AuditEntry.objects.using(alias).get(action=action)


def test_only_a_platform_admin_sees_and_changes_providers(cast: Cast) -> None:
    made = create_provider(cast.platform, draft())
    model_id = made.models[0].id
    for actor in (cast.sysadmin, cast.ann, cast.viewer, cast.stranger):
        for attempt in (
            lambda actor=actor: list_providers(actor, 10, None),
            lambda actor=actor: create_provider(actor, draft("Mine")),
            lambda actor=actor: update_provider(actor, made.id, ProviderChange(enabled=False)),
            lambda actor=actor: delete_provider(actor, made.id),
            lambda actor=actor: set_default_model(actor, model_id),
            lambda actor=actor: try_provider(actor, made.id, None),
        ):
            with pytest.raises(Forbidden):
                attempt()
    assert [row.name for row in list_providers(cast.platform, 10, None)] == ["Simulator"]


def test_everyone_who_belongs_somewhere_sees_models_and_kinds(cast: Cast) -> None:
    create_provider(cast.platform, draft())
    for actor in (cast.viewer, cast.ann, cast.stranger, cast.platform):
        assert [model.name for model in list_models(actor, 10, None)] == ["m1", "m2"]
        assert "anthropic" in {kind.kind for kind in list_kinds(actor)}


def test_the_app_role_may_read_the_catalogue_and_not_write_it(cast: Cast) -> None:
    made = create_provider(cast.platform, draft())
    for statement in (
        "update gateway_provider set base_url = 'http://evil'",
        "delete from gateway_model",
        "insert into gateway_provider (id) values (gen_random_uuid())",
    ):
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            connection.cursor().execute(statement)
    assert Provider.objects.get().id == made.id


def test_a_key_is_stored_sealed_and_never_told(cast: Cast) -> None:
    made = create_provider(cast.platform, draft())
    assert made.has_key
    assert made.key_hint == "…6789"
    with connections["owner"].cursor() as cursor:
        cursor.execute("select row_to_json(p)::text from gateway_provider p")
        stored = cursor.fetchone()[0]
    entry = audited("provider.created")
    shown = f"{made} {stored} {entry.before} {entry.after}"
    assert KEY not in shown
    assert KEY.encode().hex() not in shown
    endpoint = choose(None)
    assert endpoint.api_key.reveal() == KEY
    assert KEY not in repr(endpoint)


def test_a_key_cannot_be_moved_to_another_address(cast: Cast) -> None:
    made = create_provider(cast.platform, draft())
    elsewhere = "http://198.51.100.7/v1"
    with pytest.raises(Unprocessable) as refused:
        update_provider(cast.platform, made.id, ProviderChange(base_url=elsewhere))
    assert refused.value.errors[0]["pointer"] == "/api_key"
    moved = ProviderChange(base_url=elsewhere, api_key="sk-another-key-9999")
    assert update_provider(cast.platform, made.id, moved).base_url == elsewhere


def test_a_sealed_key_of_one_provider_does_not_open_in_another(cast: Cast) -> None:
    first = create_provider(cast.platform, draft("One"))
    second = create_provider(cast.platform, draft("Two", api_key="sk-the-other-key-000"))
    with platform_unit("test") as alias:
        rows = Provider.objects.using(alias)
        rows.filter(id=second.id).update(sealed_key=rows.get(id=first.id).sealed_key)
    MODELS.get().catalogue.forget()
    # The forged provider is left out; the honest one goes on working.
    assert choose(second.models[0].id).provider_id == first.id


def test_the_first_model_becomes_the_default_and_it_can_be_changed(cast: Cast) -> None:
    with pytest.raises(NoModelConfigured):
        choose(None)
    made = create_provider(cast.platform, draft())
    first, second = made.models
    assert first.is_default
    assert choose(None).model == "m1"
    assert set_default_model(cast.platform, second.id).is_default
    assert choose(None).model == "m2"
    assert choose(first.id).model == "m1"
    assert Model.objects.filter(is_default=True).count() == 1
    assert audited("model.made_default").after == {"model": "m2"}


def test_limits_are_always_known(cast: Cast) -> None:
    made = create_provider(cast.platform, draft())
    by_name = {model.name: model for model in made.models}
    assert by_name["m1"].window == 8_192
    assert by_name["m2"].window == 9_000
    assert all(0 < model.output_limit <= model.window for model in made.models)


def test_what_is_left_out_of_a_change_stays(cast: Cast) -> None:
    named = (ModelDraft("m1", "Mine", window=5_000, output_limit=700), ModelDraft("m2"))
    made = create_provider(cast.platform, draft(models=named))
    change = ProviderChange(models=(ModelDraft("m1", window=6_000), ModelDraft("m3")))
    first, third = update_provider(cast.platform, made.id, change).models
    assert (first.id, first.display_name) == (made.models[0].id, "Mine")
    assert (first.window, first.output_limit) == (6_000, 700)
    assert third.name == "m3"
    again = update_provider(cast.platform, made.id, ProviderChange(name="New"))
    assert (again.name, again.base_url, again.key_hint) == ("New", NOWHERE, "…6789")


def test_first_providers_added_at_once_make_one_default(cast: Cast) -> None:
    def add(number: int) -> None:
        try:
            create_provider(cast.platform, draft(f"P{number}"))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(4)))
    assert Provider.objects.count() == 4
    assert Model.objects.filter(is_default=True).count() == 1


def test_a_model_that_is_gone_is_replaced_by_the_default(cast: Cast) -> None:
    made = create_provider(cast.platform, draft())
    assert choose(uuid4()).model == "m1"
    only_second = ProviderChange(models=(ModelDraft("m2"),))
    update_provider(cast.platform, made.id, only_second)
    assert choose(made.models[0].id).model == "m2"
    assert [model.is_default for model in list_models(cast.ann, 10, None)] == [True]


def test_a_provider_that_is_switched_off_is_not_used(cast: Cast) -> None:
    made = create_provider(cast.platform, draft())
    other = create_provider(cast.platform, draft("Other", models=(ModelDraft("o1"),)))
    update_provider(cast.platform, made.id, ProviderChange(enabled=False))
    assert choose(made.models[0].id).model == "o1"
    with pytest.raises(ModelNotUsable):
        set_default_model(cast.platform, made.models[0].id)
    update_provider(cast.platform, other.id, ProviderChange(enabled=False))
    with pytest.raises(NoModelConfigured):
        choose(None)


def test_deleting_a_provider_removes_its_models(cast: Cast) -> None:
    made = create_provider(cast.platform, draft())
    delete_provider(cast.platform, made.id)
    assert list_models(cast.ann, 10, None) == []
    with pytest.raises(NoModelConfigured):
        choose(made.models[0].id)
    with pytest.raises(NotFound):
        delete_provider(cast.platform, made.id)
    assert audited("provider.deleted").before["name"] == "Simulator"


def test_all_that_is_wrong_is_told_at_once(cast: Cast) -> None:
    wrong = ProviderDraft(" ", "telepathy", "ftp://x", None, (ModelDraft(""),))
    with pytest.raises(Unprocessable) as refused:
        create_provider(cast.platform, wrong)
    pointers = {error["pointer"] for error in refused.value.errors}
    assert pointers == {"/kind", "/name", "/base_url", "/models/0/name"}
    assert list_providers(cast.platform, 10, None) == []


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest",
        "http://[fe80::1]/v1",
        "http://0.0.0.0:8000/v1",
        "http://user:pass@example.org/v1",
        "file:///etc/passwd",
        "http://[::ffff:169.254.169.254]/",
    ],
)
def test_an_address_that_may_not_be_called_is_not_stored(cast: Cast, address: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        create_provider(cast.platform, draft(base_url=address))
    assert [error["pointer"] for error in refused.value.errors] == ["/base_url"]


def test_two_providers_cannot_have_one_name(cast: Cast) -> None:
    create_provider(cast.platform, draft("Acme"))
    with pytest.raises(ProviderNameTaken):
        create_provider(cast.platform, draft("ACME"))


def test_pages_continue_without_gap(cast: Cast) -> None:
    for number in range(5):
        create_provider(cast.platform, draft(f"P{number}", models=()))
    first = list_providers(cast.platform, 2, None)
    assert len(first) == 3
    rest = list_providers(cast.platform, 10, first[1].id)
    assert [row.name for row in first[:2] + rest] == ["P0", "P1", "P2", "P3", "P4"]


def test_names_of_models_are_found_by_id(cast: Cast) -> None:
    made = create_provider(cast.platform, draft(models=(ModelDraft("m1", "Model One"),)))
    model_id = made.models[0].id
    assert model_names({model_id, uuid4()}) == {model_id: "Model One"}


def test_choosing_costs_no_query_within_a_second(cast: Cast) -> None:
    create_provider(cast.platform, draft())
    MODELS.get().catalogue = Catalogue(clock=lambda: 1_000.0)
    with CaptureQueriesContext(connection) as queries:
        for _ in range(100):
            choose(None)
        # The models, and their prices.
        assert len(queries) == 2


def test_a_choice_is_remembered_until_the_tables_change(cast: Cast) -> None:
    create_provider(cast.platform, draft())
    seconds = [1_000.0]
    catalogue = Catalogue(clock=lambda: seconds[0])
    assert catalogue.known() is None
    chosen = catalogue.choose(None)
    with CaptureQueriesContext(connection) as queries:
        known = catalogue.known()
    assert known is not None
    assert known.default == chosen
    assert len(queries) == 0
    seconds[0] += 2
    assert catalogue.known() is None
    catalogue.choose(None)
    # A process that is told of changes may trust what it knows for longer.
    catalogue.is_told()
    seconds[0] += 2
    known = catalogue.known()
    assert known is not None
    assert known.default == chosen
    catalogue.forget()
    assert catalogue.known() is None


def test_the_test_button_says_how_long_the_first_token_took(
    cast: Cast, provider: SimulatedProvider
) -> None:
    provider.reset()
    made = create_provider(cast.platform, draft(base_url=provider.base_url))
    result = try_provider(cast.platform, made.id, None)
    assert result.ok
    assert result.problem is None
    assert 0 < result.first_token_ms <= result.latency_ms < 5_000
    sent = provider.captured(1)[0]
    assert sent["body"]["model"] == "m1"
    assert sent["headers"]["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("failure", "code"),
    [("401", "model-auth-failed"), ("404", "model-not-found"), ("html", "model-bad-response")],
)
def test_the_test_button_says_what_is_wrong(
    cast: Cast, provider: SimulatedProvider, failure: str, code: str
) -> None:
    provider.reset()
    provider.script({"fail": failure})
    made = create_provider(cast.platform, draft(base_url=provider.base_url))
    result = try_provider(cast.platform, made.id, "m2")
    assert not result.ok
    assert result.problem["code"] == code
    assert KEY not in str(result)
    assert "sk-leaked" not in str(result)


def test_the_test_button_reaches_nobody(cast: Cast) -> None:
    made = create_provider(cast.platform, draft())
    assert try_provider(cast.platform, made.id, None).problem["code"] == "model-unreachable"
    empty = create_provider(cast.platform, draft("Empty", models=()))
    assert try_provider(cast.platform, empty.id, None).problem["code"] == "model-not-usable"


async def test_a_model_that_keeps_failing_is_left_alone_until_it_works(
    cast: Cast, provider: SimulatedProvider
) -> None:
    def prepare() -> None:
        provider.reset()
        provider.script({"fail": "500"})
        create_provider(cast.platform, draft(base_url=provider.base_url))

    await asyncio.to_thread(prepare)
    endpoint = await asyncio.to_thread(choose, None)
    request = ModelRequest("", (Message.of_text("user", "hi"),), attempts=1)
    codes = []
    for _ in range(5):
        try:
            [event async for event in stream(request, endpoint)]
        except ModelError as error:
            codes.append(error.code)
    assert codes == ["model-server-error"] * 3 + ["model-resting"] * 2
    asked = await asyncio.to_thread(provider.captured)
    assert len(asked) == 3
    await asyncio.to_thread(provider.script, {"reply": "fine again"})
    result = await asyncio.to_thread(try_provider, cast.platform, endpoint.provider_id, None)
    assert result.ok
    events = [event async for event in stream(request, endpoint)]
    assert "".join(it.text for it in events if isinstance(it, TextDelta)) == "fine again"
    await MODELS.get().close()


class TestEnvironment:
    """Providers that variables name."""

    def test_a_key_in_the_environment_makes_a_provider_whose_key_is_not_stored(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GROQ_API_KEY", KEY)
        report = sync_environment(_without_ollama())
        assert report.found == ("Groq (environment)",)
        (found,) = list_providers(cast.platform, 10, None)
        assert (found.source, found.has_key, found.key_hint) == ("environment", True, "…6789")
        assert Provider.objects.get().sealed_key is None
        assert choose(None).api_key.reveal() == KEY
        assert choose(None).base_url == "https://api.groq.com/openai/v1"
        assert sync_environment(_without_ollama()).changed == ()

    def test_without_its_variable_a_provider_is_not_used_and_comes_back_with_it(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GROQ_API_KEY", KEY)
        sync_environment(_without_ollama())
        before = choose(None)
        monkeypatch.delenv("GROQ_API_KEY")
        sync_environment(_without_ollama())
        with pytest.raises(NoModelConfigured):
            choose(None)
        monkeypatch.setenv("GROQ_API_KEY", KEY)
        sync_environment(_without_ollama())
        assert choose(None).model_id == before.model_id

    def test_what_an_administrator_changed_stays(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GROQ_API_KEY", KEY)
        sync_environment(_without_ollama())
        (found,) = list_providers(cast.platform, 10, None)
        smaller = ProviderChange(enabled=False, models=(ModelDraft("llama-x", window=4_000),))
        update_provider(cast.platform, found.id, smaller)
        sync_environment(_without_ollama())
        (after,) = list_providers(cast.platform, 10, None)
        assert not after.enabled
        assert [(it.name, it.window) for it in after.models] == [("llama-x", 4_000)]

    def test_its_key_and_address_are_changed_in_the_environment_alone(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GROQ_API_KEY", KEY)
        sync_environment(_without_ollama())
        (found,) = list_providers(cast.platform, 10, None)
        for change in (
            ProviderChange(api_key="sk-other-key-00000"),
            ProviderChange(base_url="http://198.51.100.7/v1"),
            ProviderChange(name="Mine"),
        ):
            with pytest.raises(ProviderFromEnvironment):
                update_provider(cast.platform, found.id, change)
        with pytest.raises(ProviderFromEnvironment):
            delete_provider(cast.platform, found.id)

    def test_a_server_of_ones_own_lists_its_models(
        self, cast: Cast, provider: SimulatedProvider
    ) -> None:
        provider.reset()
        environ = _without_ollama() | {"OPENAI_BASE_URL": provider.base_url}
        sync_environment(environ)
        (found,) = list_providers(cast.platform, 10, None)
        assert found.kind == "openai-compatible"
        assert [it.name for it in found.models] == ["simulated", "simulated-large"]
        assert choose(None).model == "simulated"

    def test_an_ollama_is_found_by_itself(self, cast: Cast, provider: SimulatedProvider) -> None:
        provider.reset()
        sync_environment({"OLLAMA_HOST": f"127.0.0.1:{provider.port}"})
        (found,) = list_providers(cast.platform, 10, None)
        assert (found.kind, found.has_key) == ("ollama", False)
        assert choose(None).window == 4_096

    def test_nothing_there_is_quick_and_makes_no_row(self, cast: Cast) -> None:
        assert sync_environment({"OLLAMA_HOST": ""}).found in {(), ("Ollama (environment)",)}
        assert sync_environment(_without_ollama()).found == ()

    def test_a_forbidden_address_in_a_variable_does_not_stop_the_start(self, cast: Cast) -> None:
        environ = _without_ollama() | {"OPENAI_BASE_URL": "http://169.254.169.254/v1"}
        assert sync_environment(environ).found == ()


def _without_ollama() -> dict[str, str]:
    """The environment of this test, with an Ollama address where nobody may be asked."""
    return dict(os.environ) | {"OLLAMA_BASE_URL": "http://0.0.0.0:1/v1"}
