"""``g4fsync.compat.g4f`` by the calls that g4f documents, against the emulator."""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator

import pytest

import g4fsync
from g4fsync import Client
from g4fsync.compat import g4f
from g4fsync.compat.g4f import Provider, client as g4f_client, errors, models
from g4fsync.emulator import Emulator

HELLO = [{"role": "user", "content": "Hello"}]
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def ours(emulator: Emulator) -> Iterator[Client]:
    keys = dict.fromkeys(("openai", "anthropic"), emulator.api_key)
    with Client(base_urls=emulator.base_urls, api_keys=keys) as client:
        yield client


def test_an_answer(ours: Client) -> None:
    client = g4f_client.Client(provider=Provider.Koala, client=ours)
    response = client.chat.completions.create(
        model=models.default, messages=HELLO, web_search=False
    )
    assert response.choices[0].message.content == "You said: Hello"
    assert response.choices[0].finish_reason == "stop"
    assert response.provider == "koala"
    assert response.object == "chat.completion"


def test_the_provider_is_said_while_logging_is_on(
    ours: Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client = g4f_client.Client(client=ours)
    client.chat.completions.create("Hello", "openai:gpt-4o")
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(g4f.debug, "logging", True)
    client.chat.completions.create("Hello", "openai:gpt-4o")
    assert capsys.readouterr().out == "Using openai provider and gpt-4o model\n"
    said: list[object] = []
    monkeypatch.setattr(g4f.debug, "log_handler", lambda *text, file: said.append(text))
    client.chat.completions.create("Hello", "koala")
    assert said == [("Using koala provider and gpt-4o-mini model",)]
    g4f.debug.disable_logging()
    client.chat.completions.create("Hello", "koala")
    assert len(said) == 1


def test_a_stream(ours: Client) -> None:
    client = g4f_client.Client(client=ours)
    stream = client.chat.completions.create(HELLO, "openai:gpt-4o", stream=True)
    chunks = list(stream)
    assert [each.choices[0].delta.content for each in chunks] == ["You", " said:", " Hello", None]
    assert [each.choices[0].finish_reason for each in chunks] == [None, None, None, "stop"]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 5
    assert {(each.provider, each.model) for each in chunks} == {("openai", "gpt-4o")}


def test_messages_may_be_a_text_and_stream_a_method(ours: Client) -> None:
    client = g4f_client.Client(provider="koala", client=ours)
    pieces = client.chat.completions.stream("Hello")
    assert "".join(each.choices[0].delta.content or "" for each in pieces) == "You said: Hello"


def test_the_older_way(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    url = emulator.base_urls["koala"]
    text = g4f.ChatCompletion.create("gpt-3.5-turbo", HELLO, Provider.Koala, base_url=url)
    assert text == "You said: Hello"
    pieces = g4f.ChatCompletion.create(
        model=models.default, messages=HELLO, provider=Provider.Koala, stream=True, base_url=url
    )
    assert "".join(pieces) == "You said: Hello"


def test_a_base_url_alone_is_a_server_like_openai(emulator: Emulator) -> None:
    url, key = emulator.base_urls["openai"], emulator.api_key
    with g4f_client.Client(base_url=url, api_key=key) as client:
        answer = client.chat.completions.create(HELLO, "gpt-4o")
    assert answer.choices[0].message.content == "You said: Hello"


def test_images_go_into_the_last_turn(emulator: Emulator) -> None:
    url, key = emulator.base_urls["openai"], emulator.api_key
    with g4f_client.Client(base_url=url, api_key=key) as client:
        for image in (PNG, io.BytesIO(PNG), "data:image/png;base64,iVBORw0KGgo="):
            client.chat.completions.create(HELLO, "gpt-4o", image=image)
        client.chat.completions.create(HELLO, "gpt-4o", images=[[PNG, "a.png"]])
    bodies = [each.body for each in emulator.far_sides["openai"].requests[-4:]]
    for body in bodies:
        parts = body["messages"][-1]["content"]
        assert parts[0] == {"type": "text", "text": "Hello"}
        assert parts[1]["image_url"]["url"] == "data:image/png;base64,iVBORw0KGgo="


def test_errors_are_of_both_families(ours: Client) -> None:
    client = g4f_client.Client(client=ours)
    with pytest.raises(errors.ModelNotFoundError) as unknown:
        client.chat.completions.create(HELLO, models.gpt_4o)
    assert isinstance(unknown.value, g4fsync.InvalidRequest)
    assert "write 'openai:gpt-4o'" in str(unknown.value)
    with pytest.raises(errors.ProviderNotFoundError):
        client.chat.completions.create(HELLO, "m", Provider.Nonsense)
    with pytest.raises(errors.BadRequestError):
        client.chat.completions.create(HELLO, "openai:gpt-4o", nonsense=1)
    with pytest.raises(errors.MissingAuthError) as refused:
        client.chat.completions.create(HELLO, "openai:gpt-4o", api_key="sk-wrong-12345")
    assert isinstance(refused.value, g4fsync.AuthenticationError)
    again = pickle.loads(pickle.dumps(refused.value))
    assert (type(again), str(again)) == (type(refused.value), str(refused.value))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (g4fsync.RateLimited("no", status=429), errors.RateLimitError),
        (g4fsync.ProviderError("no", status=402), errors.PaymentRequiredError),
        (g4fsync.ProviderError("no", status=400), errors.BadRequestError),
        (g4fsync.ServerError("no", status=503), errors.ResponseStatusError),
        (g4fsync.CaptchaRequired("no", status=403), errors.CloudflareError),
        (g4fsync.DeadlineExceeded("no"), errors.TimeoutError),
        (g4fsync.StreamTruncated("no"), errors.ResponseError),
        (g4fsync.StreamInterrupted("no"), errors.ResponseError),
        (g4fsync.ConnectionFailed("no"), errors.ProviderException),
        (g4fsync.AllFailed("no"), errors.RetryProviderError),
        (g4fsync.Cancelled("no"), errors.G4FError),
    ],
)
def test_each_error_has_its_name(ours: g4fsync.G4FSyncError, theirs: type[Exception]) -> None:
    made = errors.translated(ours)
    assert type(made).__name__ == theirs.__name__
    assert isinstance(made, theirs)
    assert isinstance(made, type(ours))
    assert made.__cause__ is ours


def test_models_by_the_names_they_have_there() -> None:
    names = [models.gpt_4o_mini, models.gpt_4_1, models.llama_3_8b, models.claude_3_5_sonnet]
    expected = ["gpt-4o-mini", "gpt-4.1", "llama-3-8b", "claude-3.5-sonnet"]
    assert [str(each) for each in names] == expected


def test_what_is_not_covered_is_refused() -> None:
    with pytest.raises(NotImplementedError, match=r"use Client, in threads"):
        g4f.AsyncClient()
    with pytest.raises(NotImplementedError, match=r"use ChatCompletion\.create$"):
        g4f.ChatCompletion.create_async(model="m", messages=HELLO)
    with pytest.raises(NotImplementedError, match=r"does not cover Client\.images"):
        g4f_client.Client().images  # noqa: B018
    with pytest.raises(errors.BadRequestError, match=r"does not cover web_search="):
        g4f_client.Client().chat.completions.create(HELLO, "koala", web_search=True)
    with pytest.raises(TypeError, match="unexpected keyword argument 'nonsense'"):
        g4f_client.Client(nonsense=1)
