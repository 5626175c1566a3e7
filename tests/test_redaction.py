from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
import requests
from hypothesis import given, settings, strategies as st

from g4fsync import Client, Retry
from g4fsync.errors import AuthenticationError, G4FSyncError, ProtocolError, ProviderError, without
from g4fsync.redaction import blotted, forms
from tests.support.servers import Peer, Server

KEY = 'sk-/+"é<&>\\0123456789'

ECHOES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "as Bearer": lambda key: f"Bearer {key}",
    "in a URL": lambda key: quote(key, safe=""),
    "in a path": quote,
    "in a query": quote_plus,
    "with small hex digits": lambda key: (
        quote(key, safe="").lower() if key.islower() else quote(key)
    ),
    "in JSON": json.dumps,
    "in JSON of UTF-8": lambda key: json.dumps(key, ensure_ascii=False),
    "in JSON of PHP": lambda key: json.dumps(key).replace("/", "\\/"),
    "in JSON in JSON": lambda key: json.dumps(json.dumps(key)),
    "in HTML": html.escape,
    "as repr": repr,
    "in base64": lambda key: base64.b64encode(key.encode()).decode(),
    "cut": lambda key: key[:-3],
}
secrets = st.text(st.characters(min_codepoint=33, max_codepoint=0x17F), min_size=8, max_size=60)


@pytest.mark.parametrize("echo", ECHOES)
def test_a_key_is_found_in_each_form(echo: str) -> None:
    text = f"no: {ECHOES[echo](KEY)} is wrong"
    shown = blotted(text, forms([KEY]))
    assert shown.startswith("no: ")
    assert shown.endswith(" is wrong")
    assert "…" in shown
    for size in range(8, len(text)):
        for start in (4, len(text) - 9 - size):
            part = ECHOES[echo](KEY)[:size]
            assert len(part) < 8 or part not in shown, start


@given(secrets, st.sampled_from(sorted(ECHOES)), st.text(max_size=20), st.text(max_size=20))
@settings(deadline=None)
def test_no_part_of_a_secret_is_left_in_an_error(
    secret: str, echo: str, before: str, after: str
) -> None:
    echoed = ECHOES[echo](secret)
    text = f"{before} {echoed} {after}"
    cause = ValueError(text, (text, [text]))
    error = ProviderError(text, body=text, code=text)
    error.__cause__ = cause
    assert without(error, secret) is error
    found = forms([secret])
    for shown in (str(error), error.body, error.code or "", *map(str, cause.args)):
        assert not any(form in shown for form in found if form not in f"{before}{after}…")


def test_a_text_cut_inside_a_key_keeps_nothing_of_it() -> None:
    key = "sk-" + "0123456789abcdef" * 4
    body = "x" * 2000 + key
    error = without(ProviderError(body[:310], body=body), key)
    assert isinstance(error, ProviderError)
    assert error.body == "x" * 2000 + "…"
    assert str(without(ProviderError(f"{key[:20]}, cut"), key)) == "…, cut"


@pytest.mark.parametrize("short", [None, "", "ollama", "EMPTY"])
def test_words_too_short_for_a_key_are_left(short: str | None) -> None:
    assert str(without(ProviderError("ollama EMPTY"), short)) == "ollama EMPTY"


def test_passwords_may_be_shorter() -> None:
    error = without(ProviderError("http://u:pass@h"), passwords=["pass", "u:pass"])
    assert str(error) == "http://…@h"


def test_what_foreign_exceptions_hold_is_blotted_too() -> None:
    secret = "sk-0123456789"
    text = f'{{"key": "{secret}"'
    error: G4FSyncError = ProtocolError("m", evidence=text)
    with pytest.raises(json.JSONDecodeError) as not_json:
        json.loads(text)
    with pytest.raises(UnicodeDecodeError) as not_text:
        (text.encode() + b"\xff").decode()
    system = OSError(5, f"at {secret}", f"/{secret}")
    request = requests.Request("GET", "http://h", headers={"Authorization": secret}).prepare()
    inner = requests.ConnectionError(ValueError(secret), request=request)
    error.__cause__ = not_json.value
    not_json.value.__cause__ = not_text.value
    not_text.value.__cause__ = system
    system.__context__ = inner
    without(error, secret)
    assert secret not in not_json.value.doc
    assert secret.encode() not in not_text.value.object
    assert secret not in str(not_text.value) + str(system) + repr(system) + repr(inner)
    assert inner.request is None


def test_a_ring_of_exceptions_has_an_end() -> None:
    first, second = ProviderError("sk-0123456789"), ValueError("sk-0123456789")
    first.__cause__, second.__cause__ = second, first
    without(first, "sk-0123456789")
    assert (str(first), str(second)) == ("…", "…")


# -- what a server echoes, from the wire to the error ------------------------

SECRET = "sk-live/0123456789+abcdef"
COOKIE = "cookie-0123456789/abc"


def echoing(status: str, body: str) -> Callable[[Peer], None]:
    def talk(peer: Peer) -> None:
        while (request := peer.request()) is not None:
            sent = "; ".join(request.headers.values())
            text = body.replace("SENT", json.dumps(sent)[1:-1])
            peer.answer(text.encode(), "Content-Type: application/json", status=status)

    return talk


def everything_in(error: BaseException) -> str:
    before = error.__cause__ or error.__context__
    shown = f"{error!s}{error!r}{vars(error)}{error.args}"
    return shown + (everything_in(before) if before else "")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("401 No", '{"error": {"message": "not with SENT", "code": "SENT"}}'),
        ("500 No", "not with SENT"),
        ("200 OK", '{"data": 5, "sent": "SENT"}'),
        ("200 OK", '{"data": [{"SENT": 1}]}'),
        ("200 OK", '{"data": SENT'),
        ("200 OK", '{"error": {"message": "SENT"}}'),
    ],
)
@pytest.mark.parametrize("password", ["", "user:pa%2Fss-word@"])
def test_listing_models_shows_no_credential_that_the_server_echoes(
    status: str, body: str, password: str, no_proxy_variables: None
) -> None:
    with Server(echoing(status, body)) as server:
        url = server.url.replace("//", f"//{password}")
        keys, urls = {"openai": SECRET}, {"openai": url}
        with (
            Client(api_keys=keys, base_urls=urls, cookies={"openai": {"s": COOKIE}}) as client,
            pytest.raises(G4FSyncError) as caught,
        ):
            client.models("openai")
    basic = base64.b64encode(b"user:pa/ss-word").decode()
    for secret in (*forms([SECRET, COOKIE, basic]), "ss-word"):
        assert secret not in everything_in(caught.value)


@pytest.mark.parametrize("status", ["400 No", "401 No", "429 No", "500 No", "200 OK"])
def test_no_answer_shows_a_cookie_or_a_header_that_the_server_echoes(
    status: str, no_proxy_variables: None
) -> None:
    body = '{"error": {"message": "not with SENT", "type": "SENT"}}'
    with Server(echoing(status, body)) as server:
        with (
            Client(
                base_urls={"openai": server.url},
                cookies={"openai": {"s": COOKIE}},
                retry=Retry(attempts=1),
            ) as client,
            pytest.raises(G4FSyncError) as caught,
        ):
            headers = {"X-Gateway-Token": SECRET}
            client.ask("Hi", model="openai:m", api_key="k" * 20, extra_headers=headers)
        assert SECRET in server.requests[0].headers.values()
        assert COOKIE in server.requests[0].headers["cookie"]
    for secret in forms([SECRET, COOKIE, "k" * 20]):
        assert secret not in everything_in(caught.value)
    if status.startswith("401"):
        assert isinstance(caught.value, AuthenticationError)
