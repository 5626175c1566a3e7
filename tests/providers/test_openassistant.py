from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from g4fsync.errors import (
    AuthenticationError,
    Cancelled,
    G4FSyncError,
    InvalidRequest,
    ProtocolError,
    ProviderError,
    RateLimited,
    ServerError,
    StreamInterrupted,
    StreamTruncated,
)
from g4fsync.events import Finish, Reasoning
from g4fsync.providers.openassistant import OpenAssistant
from g4fsync.testing import Reply, Request, ScriptedTransport, chat, request

SITE = OpenAssistant()
INFERENCE = OpenAssistant("http://localhost:8000", face="inference")
CREATE, PROMPT = "POST /api/chat", "POST /api/chat/prompter_message"
ASK, EVENTS = "POST /api/chat/assistant_message", "POST /api/chat/events"
MESSAGE, DELETE = "GET /api/chat/message", "DELETE /api/chat"
SAMPLING = {
    "top_k": 50,
    "top_p": None,
    "typical_p": None,
    "temperature": 0.35,
    "repetition_penalty": 1.1111111111111112,
    "max_new_tokens": 1024,
}


def event(**value: object) -> bytes:
    return f"data: {json.dumps(value)}\r\n\r\n".encode()


def token(text: object) -> bytes:
    return event(event_type="token", text=text)


def message(content: object = " Hello ", state: str = "complete") -> dict[str, Any]:
    return {"id": "A", "role": "assistant", "state": state, "content": content}


END = event(event_type="message", message=message())
BODY = (
    event(event_type="pending", queue_position=2, queue_size=5)
    + token("")
    + token("Hel")
    + b": ping - 2023-05-07 10:11:27.123456\r\n\r\n"
    + token("lo 🙂")
    + END
)


def site(**changes: Any) -> dict[str, Any]:
    """The site's script; a change to ``...`` takes an answer away."""
    script = {
        CREATE: {"id": "C"},
        PROMPT: {"id": "P"},
        ASK: {"id": "A"},
        EVENTS: BODY,
        DELETE: b"",
    }
    return script | {globals()[name]: answer for name, answer in changes.items()}


def asked(provider: OpenAssistant, script: Mapping[str, Any], **arguments: Any) -> Any:
    return chat(provider, "Hello", ScriptedTransport(script), **arguments)


# -- the site ----------------------------------------------------------------


def test_the_five_calls_of_the_site_exactly() -> None:
    transport = ScriptedTransport(site())
    items = list(SITE.stream(request(SITE, "Hello"), transport))
    assert items == ["Hel", "lo 🙂", Finish("stop", raw="complete")]
    where = {"chat_id": "C", "message_id": "A"}
    prompt = {"chat_id": "C", "parent_id": None, "content": "<s>[INST]\nHello\n[/INST]"}
    ask = {
        "chat_id": "C",
        "parent_id": "P",
        "model_config_name": "OA_SFT_Llama_30B_6",
        "sampling_parameters": SAMPLING,
        "plugins": [],
    }
    assert transport.requests == [
        Request("POST", "/api/chat"),
        Request("POST", "/api/chat/prompter_message", prompt),
        Request("POST", "/api/chat/assistant_message", ask),
        Request("POST", "/api/chat/events", params=where),
        Request("DELETE", "/api/chat", params={"chat_id": "C"}),
    ]


def test_the_headers_of_every_request() -> None:
    assert dict(OpenAssistant.headers) == {
        "User-Agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 "
        "(KHTML, like Gecko) Chrome/111.0.0.0 Safari/537.36",
        "Accept": "*/*",
        "Accept-Encoding": "gzip, deflate",
    }


def test_the_site_takes_the_session_token_as_bearer() -> None:
    transport = ScriptedTransport(site(), api_key="eyJ.token")
    chat(SITE, "Hello", transport).result()
    assert {r.headers.get("Authorization") for r in transport.requests} == {"Bearer eyJ.token"}


def test_the_site_wants_cookies_and_the_inference_server_none() -> None:
    assert SITE.needs_cookies
    assert not INFERENCE.needs_cookies


def test_history_becomes_one_message() -> None:
    transport = ScriptedTransport(site())
    pairs = [
        ("system", "Отвечай кратко."),
        ("user", 'Привет, "мир" 🙂'),
        ("assistant", "Здравствуйте!\nЧем помочь?"),
        ("system", "Second rule"),
        ("user", "Что такое #hash?"),
    ]
    chat(SITE, [{"role": r, "content": c} for r, c in pairs], transport).result()
    assert transport.requests[1].body["content"] == (
        '<s>[INST]\nSystem: Отвечай кратко.\nUser: Привет, "мир" 🙂\n'
        "Assistant: Здравствуйте!\nЧем помочь?\nSystem: Second rule\n"
        "User: Что такое #hash?\nAssistant:\n[/INST]"
    )


@pytest.mark.parametrize(
    ("provider", "wraps"),
    [
        (SITE, True),
        (INFERENCE, False),
        (OpenAssistant(wrap=False), False),
        (OpenAssistant(face="inference", wrap=True), True),
    ],
)
def test_the_wrapper_is_a_setting(provider: OpenAssistant, wraps: bool) -> None:
    transport = ScriptedTransport(site() | inference())
    chat(provider, "Hello", transport).result()
    [content] = [
        r.body["content"] for r in transport.requests if r.path.endswith("prompter_message")
    ]
    assert content == ("<s>[INST]\nHello\n[/INST]" if wraps else "Hello")


# -- the inference server -----------------------------------------------------

TRUSTED = {
    "api_key": "6969",
    "client": "website",
    "user_id": "U",
    "provider_account_id": "N",
    "username": "Ann",
}


def inference(**changes: Any) -> dict[str, Any]:
    return {
        "POST /chats": {"id": "C"},
        "POST /chats/C/prompter_message": {"id": "P"},
        "POST /chats/C/assistant_message": {"id": "A"},
        "GET /chats/C/messages/A/events": BODY,
        "DELETE /chats/C": b"",
        **changes,
    }


def test_the_five_calls_of_the_inference_server_exactly() -> None:
    transport = ScriptedTransport(inference(), api_key="access")
    items = list(INFERENCE.stream(request(INFERENCE, "Hello"), transport))
    assert items == ["Hel", "lo 🙂", Finish("stop", raw="complete")]
    bearer = {"Authorization": "Bearer access"}
    ask = {
        "parent_id": "P",
        "model_config_name": "OA_SFT_Llama_30B_6",
        "sampling_parameters": SAMPLING,
        "plugins": [],
    }
    prompt = {"parent_id": None, "content": "Hello"}
    assert transport.requests == [
        Request("POST", "/chats", {}, headers=bearer),
        Request("POST", "/chats/C/prompter_message", prompt, headers=bearer),
        Request("POST", "/chats/C/assistant_message", ask, headers=bearer),
        Request(
            "GET",
            "/chats/C/messages/A/events",
            headers={"Accept": "text/event-stream", **bearer},
        ),
        Request("DELETE", "/chats/C", headers=bearer),
    ]


def test_a_trusted_client_is_told_in_a_header_of_every_request() -> None:
    provider = OpenAssistant(face="inference", trusted_client=TRUSTED)
    transport = ScriptedTransport(inference())
    chat(provider, "Hello", transport).result()
    told = {r.headers["TrustedClient"] for r in transport.requests}
    assert [json.loads(base64.b64decode(each)) for each in told] == [TRUSTED]
    assert not any("Authorization" in r.headers for r in transport.requests)


def test_an_unknown_user_of_a_trusted_client_is_created() -> None:
    provider = OpenAssistant(face="inference", trusted_client=TRUSTED)
    script = inference(
        **{
            "POST /chats": (Reply({"detail": "User not found"}, status=404), {"id": "C"}),
            "POST /auth/trusted": {"access_token": "..."},
        }
    )
    transport = ScriptedTransport(script)
    assert chat(provider, "Hello", transport).result().text == "Hello 🙂"
    assert [path for _, path, _ in transport.sent][:3] == ["/chats", "/auth/trusted", "/chats"]


@pytest.mark.parametrize(
    ("provider", "status"),
    [(OpenAssistant(face="inference", trusted_client=TRUSTED), 422), (INFERENCE, 404)],
)
def test_no_other_refusal_creates_a_user(provider: OpenAssistant, status: int) -> None:
    script = {"POST /chats": Reply({"detail": "no"}, status=status)}
    with pytest.raises(ProviderError, match=rf"^openassistant: HTTP {status}: no$"):
        asked(provider, script).result()


def test_ids_can_not_leave_their_place_in_the_path() -> None:
    script = inference(
        **{
            "POST /chats": {"id": "../a?b"},
            "POST /chats/..%2Fa%3Fb/prompter_message": {"id": "P"},
            "POST /chats/..%2Fa%3Fb/assistant_message": {"id": "x/y"},
            "GET /chats/..%2Fa%3Fb/messages/x%2Fy/events": BODY,
            "DELETE /chats/..%2Fa%3Fb": b"",
        }
    )
    assert asked(INFERENCE, script).result().text == "Hello 🙂"


def test_an_unknown_face_is_refused() -> None:
    with pytest.raises(InvalidRequest, match='face is "site" or "inference", got \'front\''):
        OpenAssistant(face="front")  # type: ignore[arg-type]  # that is the point


# -- options and models -------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ({}, {}),
        ({"temperature": 0.9, "top_k": 10}, {"temperature": 0.9, "top_k": 10}),
        ({"max_tokens": 5}, {"max_new_tokens": 5}),
        ({"max_new_tokens": 5}, {"max_new_tokens": 5}),
        (
            {"top_p": 0.95, "typical_p": 0.2, "repetition_penalty": 1.2},
            {"top_p": 0.95, "typical_p": 0.2, "repetition_penalty": 1.2},
        ),
    ],
)
def test_options_replace_the_preset(given: dict[str, Any], changed: dict[str, Any]) -> None:
    transport = ScriptedTransport(site())
    chat(SITE, "Hello", transport, **given).result()
    assert transport.requests[2].body["sampling_parameters"] == SAMPLING | changed


def test_an_option_the_server_lacks_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"^openassistant has no option 'seed'"):
        request(SITE, "Hello", seed=1)


def test_the_known_models_and_any_other() -> None:
    assert len(OpenAssistant.models) == 25
    for name in ("_lorem", "distilgpt2", "OA_SFT_Llama_30B_7e3", "OA_SFT_Llama2_70B_10"):
        assert name in OpenAssistant.models
    assert request(SITE, "Hello").model == "OA_SFT_Llama_30B_6"
    assert request(SITE, "Hello", model="my_own").model == "my_own"


# -- the event stream ---------------------------------------------------------


@pytest.mark.parametrize("cut", range(len(BODY) + 1))
def test_any_cutting_gives_the_same_tokens(cut: int) -> None:
    result = asked(SITE, site(EVENTS=[BODY[:cut], BODY[cut:]])).result()
    assert (result.text, result.finish_reason) == ("Hello 🙂", "stop")


@pytest.mark.parametrize("cut", range(len(BODY) - len(END), len(BODY)))
def test_a_stream_without_its_end_event_is_a_cut_answer(cut: int) -> None:
    transport = ScriptedTransport(site(EVENTS=BODY[:cut]))
    # The last byte is half of a line end: the blank line has come.
    if cut == len(BODY) - 1:
        assert chat(SITE, "Hello", transport).result().text == "Hello 🙂"
        return
    with pytest.raises(StreamTruncated) as caught:
        chat(SITE, "Hello", transport).result()
    assert caught.value.partial == "Hello 🙂"
    assert transport.sent[-1][:2] == ("DELETE", "/api/chat")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (END, " Hello "),
        (token("") + END, " Hello "),
        (token(" ") + END, " "),
        (token("Hi") + b"event: ping\r\ndata: no JSON\r\n\r\n" + END, "Hi"),
        (event(event_type="safe_prompt", safe_prompt="x") + token("Hi") + END, "Hi"),
        (token("Hi") + END + token("more"), "Hi"),
        (b'event: token\ndata: {"text": "Hi"}\n\n' + END, "Hi"),
    ],
)
def test_the_tokens_are_the_text_and_without_any_the_final_content(body: bytes, text: str) -> None:
    assert asked(SITE, site(EVENTS=body)).result().text == text


def test_what_a_plugin_thinks_is_reasoning() -> None:
    thought = event(event_type="plugin_intermediate", current_plugin_thought="Hm", message=None)
    result = asked(SITE, site(EVENTS=thought + token("") + token("Hi") + END)).result()
    assert (result.reasoning, result.text) == ("Hm", "Hi")
    stream = asked(SITE, site(EVENTS=thought + token("Hi") + END))
    assert next(iter(stream.events())) == Reasoning("Hm")


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ("Timeout", ServerError),
        ("Aborted due to worker error.", ServerError),
        ("the worker's own words", ProviderError),
    ],
)
@pytest.mark.parametrize("named", [False, True])
def test_an_error_event_is_raised(told: str, kind: type[G4FSyncError], named: bool) -> None:
    body = event(event_type="error", error=told, message=None)
    if named:
        body = b"event: error\r\n" + event(error=told)
    transport = ScriptedTransport(site(EVENTS=token("Hi") + body))
    with pytest.raises(ProviderError) as caught:
        chat(SITE, "Hello", transport).result()
    assert (type(caught.value), str(caught.value)) == (kind, f"openassistant: {told}")
    assert (caught.value.status, caught.value.partial) == (200, "Hi")
    assert transport.sent[-1][:2] == ("DELETE", "/api/chat")


@pytest.mark.parametrize("state", ["aborted_by_worker", "cancelled", "timeout", "pending"])
def test_a_final_message_that_is_not_complete_is_an_error(state: str) -> None:
    end = event(event_type="message", message=message(None, state))
    with pytest.raises(ProviderError, match=rf"^openassistant: the answer is {state}$") as caught:
        asked(SITE, site(EVENTS=token("Hi") + end)).result()
    assert (caught.value.code, caught.value.partial) == (state, "Hi")


@pytest.mark.parametrize("body", [b"", b": ping - now\r\n\r\n"])
def test_an_answer_that_had_finished_is_fetched_on_the_site(body: bytes) -> None:
    transport = ScriptedTransport(site(EVENTS=body, MESSAGE=message("Hello")))
    result = chat(SITE, "Hello", transport).result()
    assert (result.text, result.finish_reason) == ("Hello", "stop")
    assert transport.requests[4] == Request(
        "GET", "/api/chat/message", params={"chat_id": "C", "message_id": "A"}
    )
    assert transport.sent[-1][:2] == ("DELETE", "/api/chat")


def test_an_answer_that_had_finished_is_fetched_from_the_inference_server() -> None:
    script = inference(
        **{
            "GET /chats/C/messages/A/events": Reply(status=204),
            "GET /chats/C/messages/A": message("Hello"),
        }
    )
    assert asked(INFERENCE, script).result().text == "Hello"


def test_an_answer_that_had_failed_is_an_error() -> None:
    script = site(EVENTS=b"", MESSAGE=message(None, "timeout"))
    with pytest.raises(ProviderError, match=r"^openassistant: the answer is timeout$"):
        asked(SITE, script).result()


@pytest.mark.parametrize(
    "body",
    [
        b"data: hello\n\n",
        b"data: 5\n\n",
        b'data: {"event_type": "token"}\n\n',
        token(5),
        event(event_type="message"),
        event(event_type="message", message={}),
        event(event_type="message", message=message(None)),
        event(event_type="error"),
        event(event_type="plugin_intermediate", current_plugin_thought=None),
    ],
)
def test_an_event_of_another_shape_is_a_protocol_error(body: bytes) -> None:
    transport = ScriptedTransport(site(EVENTS=body + END))
    with pytest.raises(ProtocolError) as caught:
        chat(SITE, "Hello", transport).result()
    assert caught.value.evidence
    assert transport.sent[-1][:2] == ("DELETE", "/api/chat")


# -- the chat is deleted, whatever fails ----------------------------------------


def test_no_chat_no_deletion() -> None:
    transport = ScriptedTransport({CREATE: Reply(status=500)})
    with pytest.raises(ServerError):
        chat(SITE, "Hello", transport).result()
    assert [method for method, *_ in transport.sent] == ["POST"]


@pytest.mark.parametrize("step", ["PROMPT", "ASK", "EVENTS", "MESSAGE"])
@pytest.mark.parametrize(
    "answer",
    [
        Reply(status=403),
        Reply({"message": "m"}, status=422),
        StreamInterrupted("cut"),
        Reply([StreamInterrupted("cut")]),
        {},
        b"hello",
    ],
)
def test_the_chat_is_deleted_whichever_step_fails(step: str, answer: Any) -> None:
    changes = {"EVENTS": b""} if step == "MESSAGE" else {}
    transport = ScriptedTransport(site(**{**changes, step: answer}))
    with pytest.raises(G4FSyncError):
        chat(SITE, "Hello", transport).result()
    assert transport.requests[-1] == Request("DELETE", "/api/chat", params={"chat_id": "C"})


def test_the_chat_is_deleted_when_the_caller_leaves_early() -> None:
    transport = ScriptedTransport(site())
    for _ in chat(SITE, "Hello", transport):
        break
    assert transport.sent[-1] == ("DELETE", "/api/chat", None)


def test_the_chat_is_deleted_after_a_cancel() -> None:
    transport = ScriptedTransport(site())
    stream = chat(SITE, "Hello", transport)
    next(stream)
    stream.cancel()
    with pytest.raises(Cancelled):
        next(stream)
    assert transport.sent[-1] == ("DELETE", "/api/chat", None)


@pytest.mark.parametrize("status", [404, 500])
def test_a_deletion_that_fails_hides_neither_answer_nor_error(status: int) -> None:
    transport = ScriptedTransport(site(DELETE=Reply(status=status)))
    assert chat(SITE, "Hello", transport).result().text == "Hello 🙂"
    assert [str(error) for error in transport.cleanup_errors] == [f"HTTP {status}"]
    transport = ScriptedTransport(site(DELETE=Reply(status=status), EVENTS=token("Hi")))
    with pytest.raises(StreamTruncated):
        chat(SITE, "Hello", transport).result()


# -- errors of the site and the server -------------------------------------------


@pytest.mark.parametrize("step", ["CREATE", "PROMPT", "ASK", "EVENTS"])
def test_a_stale_cookie_is_a_403_without_a_body(step: str) -> None:
    script = site(**{step: Reply(status=403)})
    with pytest.raises(AuthenticationError, match=r"^openassistant: HTTP 403$"):
        asked(SITE, script).result()


@pytest.mark.parametrize(
    ("provider", "answer"),
    [
        (SITE, Reply({"message": "Something went wrong"}, status=500)),
        (INFERENCE, Reply(b"Internal Server Error", status=500)),
    ],
)
def test_the_rate_limit_arrives_as_a_500_with_a_text(
    provider: OpenAssistant, answer: Reply
) -> None:
    script = site(ASK=answer) | inference(**{"POST /chats/C/assistant_message": answer})
    with pytest.raises(RateLimited, match="how this server reports its rate limit") as caught:
        asked(provider, script).result()
    assert (caught.value.status, caught.value.retryable) == (500, False)
    assert caught.value.body
    assert isinstance(caught.value.__cause__, ServerError)


def test_a_500_without_a_text_is_a_failure() -> None:
    with pytest.raises(ServerError, match=r"^openassistant: HTTP 500$") as caught:
        asked(SITE, site(ASK=Reply(status=500))).result()
    assert caught.value.retryable


def test_a_full_queue_is_worth_a_retry_with_a_new_chat() -> None:
    busy = {"message": "The server is currently busy. Please try again later."}
    first = ScriptedTransport(site(ASK=Reply(busy, status=503)))
    second = ScriptedTransport(site())
    assert chat(SITE, "Hello", first, second).result().text == "Hello 🙂"
    assert first.sent[-1][0] == "DELETE"
    assert second.sent[0] == ("POST", "/api/chat", None)


@pytest.mark.parametrize("step", ["PROMPT", "ASK"])
def test_a_message_in_place_of_an_id_is_an_error(step: str) -> None:
    with pytest.raises(
        ProviderError, match=r"^openassistant: \w+_message: Model X not found$"
    ) as caught:
        asked(SITE, site(**{step: {"message": "Model X not found"}})).result()
    assert caught.value.body == '{"message": "Model X not found"}'


def test_a_list_of_details_is_shown() -> None:
    answer = Reply({"message": [{"loc": ["body"], "msg": "field required"}]}, status=422)
    with pytest.raises(ProviderError, match="field required"):
        asked(SITE, site(PROMPT=answer)).result()
