from __future__ import annotations

import ssl
from collections.abc import Callable

import pytest

from g4fsync.cli.wording import at_prompt
from tests.cli.conftest import Run
from tests.support.servers import Peer, Server

Serve = Callable[..., Server]


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            "no key; set A_KEY, or give Client(api_keys={'a': ...})",
            "no key; set A_KEY, or run g4fsync keys set a",
        ),
        (
            "HTTP 401: no (give Client(api_keys={'openai': ...}))",
            "HTTP 401: no (set OPENAI_BASE_URL in place of --base-url, "
            "and the stored key is sent there)",
        ),
        (
            "HTTP 401: no (give Client(api_keys={'flowgpt': ...}))",
            "HTTP 401: no (at another base URL no stored key is sent; "
            "see g4fsync config --help for endpoints)",
        ),
        (
            "no cookies for h; give Client(cookies={'a': ...}) a mapping or a file, or put a.txt",
            "no cookies for h; give --cookies FILE, or put a.txt",
        ),
        (
            "no base URL; set A, or give Client(base_urls={'a': ...})",
            "no base URL; set A, or give --base-url URL",
        ),
        (
            "if it is your own, give that: Client(verify='ca.pem')",
            "if it is your own, give that: --ca FILE",
        ),
        ("verify: there is no CA bundle '/x'", "--ca: there is no CA bundle '/x'"),
        (
            "REQUESTS_CA_BUNDLE: there is no CA bundle '/x'",
            "REQUESTS_CA_BUNDLE: there is no CA bundle '/x'",
        ),
        ("could not verify: no idea", "could not verify: no idea"),
        (
            "ollama: images are taken as bytes, not as URLs: use Image.open(path)",
            "ollama: images are taken as bytes, not as URLs: give the file itself, -a FILE",
        ),
        ("proxy must be a URL like x", "--proxy must be a URL like x"),
        ("HTTPS_PROXY: the proxy is no URL", "HTTPS_PROXY: the proxy is no URL"),
        ("max_workers must be 1 or more, got 0", "--workers must be 1 or more, got 0"),
        (
            "no column 'prompt'; prompt='... {column} ...' makes one of others",
            "no column 'prompt'; -p '... {column} ...' makes one of others",
        ),
        (
            "needs one in prices={model: (input, output per million tokens)}, or those of pip",
            "needs one in --price MODEL=IN,OUT, or those of pip",
        ),
        (
            "a strict budget of tokens or usd needs max_tokens",
            "a strict budget of tokens or usd needs --option max_tokens=N",
        ),
        ("the archive has no conversation 'x'", "the log has no conversation 'x'"),
        ("messages[0]: koala does not take images", "koala does not take images"),
        ("openai: messages[0].content[1]: the URL is broken", "openai: the URL is broken"),
        ("row 3: messages[0]: role must be", "row 3: messages[0]: role must be"),
        (
            "no key was sent; if the server wants one, give it to the call: Client(api_keys=...)",
            "no key was sent; if the server wants one, "
            "make the server an endpoint of yours, with a key: g4fsync config --help",
        ),
        ("HTTP 500", "HTTP 500"),
    ],
)
def test_what_to_give_in_python_is_told_as_what_to_type(message: str, shown: str) -> None:
    assert at_prompt(message) == shown


def answers(peer: Peer) -> None:
    """As OpenAI's protocol has it: a list of models, and an answer of one word."""
    while (request := peer.request()) is not None:
        if request.line.startswith("GET"):
            peer.answer(b'{"data": [{"id": "m"}]}', "Content-Type: application/json")
        else:
            peer.answer(
                b'data: {"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\n'
                b"data: [DONE]\n\n",
                "Content-Type: text/event-stream",
            )


VERBS = {
    "ask": (["ask", "-m", "openai:m", "Hello"], "--base-url", "{url}"),
    "compare": (["compare", "-m", "openai:m", "Hello"], "--base-url", "openai={url}"),
    "models": (["models", "openai"], "--base-url", "{url}"),
    "doctor": (["doctor", "openai:m"], "--base-url", "{url}"),
}


@pytest.mark.parametrize("verb", VERBS)
def test_ca_trusts_a_private_authority(
    verb: str,
    here: Run,
    serve: Serve,
    server_tls: ssl.SSLContext,
    authority: str,
    no_proxy_variables: None,
) -> None:
    server = serve(answers, tls=server_tls)
    words, option, form = VERBS[verb]
    typed = [*words, option, form.format(url=server.url)]
    done = here(*typed)
    assert done.code == 1
    assert "is not trusted" in done.out + done.err
    assert "--ca FILE" in done.out + done.err
    assert "Client(" not in done.out + done.err
    assert here(*typed, "--ca", authority).code == 0
    assert here(*typed, SSL_CERT_FILE=authority).code == 0


@pytest.mark.parametrize("verb", VERBS)
def test_a_ca_that_is_not_there_is_told_by_its_option(
    verb: str, here: Run, serve: Serve, server_tls: ssl.SSLContext, no_proxy_variables: None
) -> None:
    words, option, form = VERBS[verb]
    url = serve(answers, tls=server_tls).url
    done = here(*words, option, form.format(url=url), "--ca", "/nowhere.pem")
    assert done.code != 0
    assert "--ca: there is no CA bundle '/nowhere.pem'" in done.out + done.err


def test_ca_goes_with_a_provider(here: Run) -> None:
    assert "go with a provider" in here("models", "--ca", "x").err
    assert "go with a provider" in here("doctor", "--ca", "x").err
