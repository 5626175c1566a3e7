"""The far side of Open Assistant, both faces."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import requests

from g4fsync.emulator import (
    AlreadyFinished,
    At,
    Cut,
    Emulator,
    InBandError,
    InvalidUTF8,
    NoEndMark,
    Stall,
    Status,
)

AGENT = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36"
SAMPLING = {
    "top_k": 50,
    "top_p": None,
    "typical_p": None,
    "temperature": 0.35,
    "repetition_penalty": 1 / 0.9,
    "max_new_tokens": 1024,
}


class Visitor:
    """A client of the site that does everything right unless told otherwise."""

    def __init__(self, emulator: Emulator) -> None:
        self.base = f"{emulator.base_urls['openassistant']}/api/chat"
        self.session = requests.Session()
        self.session.headers["User-Agent"] = AGENT
        self.session.cookies.update(emulator.cookies("openassistant"))

    def call(self, method: str, path: str = "", **options: Any) -> requests.Response:
        return self.session.request(method, self.base + path, timeout=10, **options)

    def create(self) -> str:
        return str(self.call("POST").json()["id"])

    def prompt(self, chat: str, content: str = "Hi", parent: Any = None) -> requests.Response:
        body = {"chat_id": chat, "content": content, "parent_id": parent}
        return self.call("POST", "/prompter_message", json=body)

    def assistant(self, chat: str, parent: str, **changes: Any) -> requests.Response:
        body = {
            "chat_id": chat,
            "parent_id": parent,
            "model_config_name": "OA_SFT_Llama_30B_6",
            "sampling_parameters": SAMPLING,
            "plugins": [],
            **changes,
        }
        return self.call("POST", "/assistant_message", json=body)

    def events(self, chat: str, message: str, method: str = "POST") -> requests.Response:
        return self.call(method, "/events", params={"chat_id": chat, "message_id": message})

    def message(self, chat: str, message: str) -> Any:
        where = {"chat_id": chat, "message_id": message}
        return self.call("GET", "/message", params=where).json()

    def ready(self, content: str = "Hi", **changes: Any) -> tuple[str, str]:
        """A chat and its message to be answered, after steps 1 to 3."""
        chat = self.create()
        parent = self.prompt(chat, content).json()["id"]
        return chat, self.assistant(chat, parent, **changes).json()["id"]


@pytest.fixture
def visitor(emulator: Emulator) -> Visitor:
    visitor = Visitor(emulator)
    emulator.openassistant.reply = lambda messages: ["При", 'вет 🙂\n"']
    emulator.openassistant.queue_positions = ()
    return visitor


def values(content: bytes) -> list[Any]:
    """The JSON values of events; each must be one line and an empty one, with CR LF."""
    *events, end = content.split(b"\r\n\r\n")
    assert end == b""
    assert all(event.startswith(b"data: ") and b"\n" not in event for event in events)
    return [json.loads(event[6:]) for event in events]


TOKENS = (
    b'data: {"event_type": "token", "text": "\\u041f\\u0440\\u0438"}\r\n\r\n'
    b'data: {"event_type": "token", "text": "\\u0432\\u0435\\u0442 \\ud83d\\ude42\\n\\""}\r\n\r\n'
)


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_site_in_five_steps(emulator: Emulator, visitor: Visitor, method: str) -> None:
    created = visitor.call("POST")
    chat = created.json()["id"]
    assert created.json()["title"] is None
    assert list(emulator.openassistant.chats) == [chat]
    prompter = visitor.prompt(chat).json()
    assert (prompter["role"], prompter["state"]) == ("prompter", "manual")
    assistant = visitor.assistant(chat, prompter["id"]).json()
    assert (assistant["content"], assistant["state"]) == (None, "pending")
    assert assistant["parent_id"] == prompter["id"]
    answer = visitor.events(chat, assistant["id"], method)
    assert answer.status_code == 200
    assert "Content-Type" not in answer.headers
    assert answer.content.startswith(TOKENS)
    final = values(answer.content)[-1]
    assert final["event_type"] == "message"
    assert final["message"]["state"] == "complete"
    assert final["message"]["content"] == 'Привет 🙂\n"'
    deleted = visitor.call("DELETE", params={"chat_id": chat})
    assert (deleted.status_code, deleted.content) == (200, b"")
    assert not emulator.openassistant.chats
    assert [record.call for record in emulator.openassistant.wait_ended(5)] == [
        "create",
        "prompter_message",
        "assistant_message",
        "events",
        "delete",
    ]
    assert all(record.problem is None for record in emulator.openassistant.requests)


def test_pending_comes_before_the_tokens(emulator: Emulator, visitor: Visitor) -> None:
    emulator.openassistant.queue_positions = (2, 0)
    emulator.openassistant.pending_seconds = 0.001
    content = visitor.events(*visitor.ready()).content
    assert content.startswith(
        b'data: {"event_type": "pending", "queue_position": 2, "queue_size": 2}\r\n\r\n'
        b'data: {"event_type": "pending", "queue_position": 0, "queue_size": 2}\r\n\r\n' + TOKENS
    )


def test_reply_gets_the_flattened_conversation(emulator: Emulator, visitor: Visitor) -> None:
    seen: list[list[dict[str, str]]] = []

    def reply(messages: list[dict[str, str]]) -> list[str]:
        seen.append(messages)
        return ["ok"]

    emulator.openassistant.reply = reply
    visitor.events(*visitor.ready("<s>[INST]\nHello\n[/INST]"))
    text = "<s>[INST]\nSystem: brief\nUser: a\nAssistant: b\nc\nUser: d\nAssistant:\n[/INST]"
    visitor.events(*visitor.ready(text, system_prompt="kind"))
    assert seen == [
        [{"role": "user", "content": "Hello"}],
        [
            {"role": "system", "content": "kind"},
            {"role": "system", "content": "brief"},
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "b\nc"},
            {"role": "user", "content": "d"},
        ],
    ]


def test_a_chat_can_go_on(emulator: Emulator, visitor: Visitor) -> None:
    chat, message = visitor.ready("a")
    refused = visitor.prompt(chat, "b", message)
    assert (refused.status_code, refused.json()) == (
        400,
        {"message": "Parent message is not complete"},
    )
    visitor.events(chat, message)
    emulator.openassistant.reply = lambda messages: [repr([m["content"] for m in messages])]
    parent = visitor.prompt(chat, "b", message).json()["id"]
    visitor.events(chat, visitor.assistant(chat, parent).json()["id"])
    full = visitor.call("GET", params={"chat_id": chat}).json()
    assert full["title"] == "a"
    assert full["messages"][-1]["content"] == "['a', 'Привет 🙂\\n\"', 'b']"


@pytest.mark.parametrize(
    "cookies",
    [{}, {"next-auth.session-token": "wrong"}, {"session": "x"}],
)
def test_no_cookie_is_403_with_an_empty_body(
    emulator: Emulator, visitor: Visitor, cookies: dict[str, str]
) -> None:
    visitor.session.cookies.clear()
    visitor.session.cookies.update(cookies)
    answer = visitor.call("POST")
    assert (answer.status_code, answer.content) == (403, b"")
    assert "header cookie" in answer.headers["X-Emulator-Problem"]
    assert emulator.openassistant.chats == ()


def test_other_ways_to_show_the_session(emulator: Emulator, visitor: Visitor) -> None:
    token = visitor.session.cookies["next-auth.session-token"]
    name = "__Secure-next-auth.session-token"
    for cookies in ({name: token}, {f"{name}.0": token[:20], f"{name}.1": token[20:]}):
        header = "; ".join(f"{key}={value}" for key, value in cookies.items())
        answer = requests.post(
            visitor.base, headers={"User-Agent": AGENT, "Cookie": header}, timeout=10
        )
        assert answer.status_code == 200
    headers = {"User-Agent": AGENT, "Authorization": f"Bearer {token}"}
    assert requests.post(visitor.base, headers=headers, timeout=10).status_code == 200
    assert requests.post(visitor.base, headers={"User-Agent": AGENT}, timeout=10).status_code == 403


def test_order_of_calls_is_wanted(visitor: Visitor) -> None:
    assert visitor.prompt("nobody").json() == {"message": "Chat not found"}
    chat = visitor.create()
    parent = visitor.prompt(chat).json()["id"]
    again = visitor.prompt(chat)
    assert again.json() == {"message": "Trying to add first message to non-empty chat"}
    assert visitor.prompt(chat, parent=parent).json() == {
        "message": "Parent message is not an assistant message"
    }
    unknown = visitor.assistant(chat, "nobody")
    assert (unknown.status_code, unknown.content) == (500, b"")
    message = visitor.assistant(chat, parent).json()["id"]
    assert visitor.assistant(chat, message).status_code == 400
    on_prompter = visitor.events(chat, parent)
    assert (on_prompter.status_code, on_prompter.text) == (500, "Internal Server Error")
    assert on_prompter.headers["X-Emulator-Problem"] == "Only assistant messages can be streamed."
    assert visitor.events(chat, "nobody").status_code == 500
    twice = [visitor.call("DELETE", params={"chat_id": chat}).status_code for _ in range(2)]
    assert twice == [200, 500]


def test_create_wants_no_body(visitor: Visitor) -> None:
    answer = visitor.call("POST", json={})
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")


@pytest.mark.parametrize(
    ("name", "value"),
    [("top_k", 1.5), ("temperature", "warm"), ("max_new_tokens", None), ("top_p", True)],
)
def test_sampling_types_are_a_422_with_a_list(visitor: Visitor, name: str, value: Any) -> None:
    chat = visitor.create()
    parent = visitor.prompt(chat).json()["id"]
    answer = visitor.assistant(
        chat, parent, sampling_parameters={**SAMPLING, name: value, "other": "ignored"}
    )
    assert answer.status_code == 422
    (problem,) = answer.json()["message"]
    assert problem["loc"] == ["body", "sampling_parameters", name]
    assert problem["msg"].startswith("expected ")


def test_body_fields_are_checked(visitor: Visitor) -> None:
    chat = visitor.create()
    answer = visitor.call("POST", "/prompter_message", json={"chat_id": chat, "content": "Hi"})
    assert answer.status_code == 422
    assert answer.json()["message"] == [
        {"loc": ["body", "parent_id"], "msg": "missing", "type": "value_error"}
    ]


def test_models(emulator: Emulator, visitor: Visitor) -> None:
    emulator.openassistant.store.allowed = ("_lorem", "OA_SFT_Llama_7B")
    assert [model["name"] for model in visitor.call("GET", "/models").json()] == [
        "_lorem",
        "OA_SFT_Llama_7B",
    ]
    chat = visitor.create()
    parent = visitor.prompt(chat).json()["id"]
    unknown = visitor.assistant(chat, parent, model_config_name="x")
    assert (unknown.status_code, unknown.json()) == (422, {"message": "Model x not found"})
    foreign = visitor.assistant(chat, parent)
    assert foreign.json()["message"].endswith("not in allowed models: _lorem,OA_SFT_Llama_7B")


def test_rate_limit_comes_out_as_500(emulator: Emulator, visitor: Visitor) -> None:
    emulator.openassistant.store.limit = 1
    chat = visitor.create()
    parent = visitor.prompt(chat).json()["id"]
    assert visitor.assistant(chat, parent).status_code == 200
    answer = visitor.assistant(chat, parent)
    assert (answer.status_code, answer.json()) == (500, {"message": "Something went wrong"})


def test_too_long_is_413(emulator: Emulator, visitor: Visitor) -> None:
    emulator.openassistant.store.max_content_length = 3
    answer = visitor.prompt(visitor.create(), "long")
    assert (answer.status_code, answer.json()) == (
        413,
        {"message": "Message content exceeds max length"},
    )


def test_busy_and_a_proxys_429(emulator: Emulator, visitor: Visitor) -> None:
    busy = "The server is currently busy. Please try again later."
    emulator.openassistant.faults.append(At("assistant_message", Status(503, busy)))
    chat = visitor.create()
    parent = visitor.prompt(chat).json()["id"]
    answer = visitor.assistant(chat, parent)
    assert (answer.status_code, answer.json()) == (503, {"message": busy})
    emulator.openassistant.faults.append(Status(429, retry_after=3))
    answer = visitor.events(chat, visitor.assistant(chat, parent).json()["id"])
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3")


def test_planned_refusal_of_create_leaves_no_chat(emulator: Emulator, visitor: Visitor) -> None:
    emulator.openassistant.fault = At("create", Status(502))
    assert visitor.call("POST").status_code == 502
    assert emulator.openassistant.chats == ()


@pytest.mark.parametrize("state", ["complete", "aborted_by_worker"])
def test_finished_message_has_no_events(emulator: Emulator, visitor: Visitor, state: str) -> None:
    emulator.openassistant.fault = AlreadyFinished(state)
    chat, message = visitor.ready()
    answer = visitor.events(chat, message)
    assert (answer.status_code, answer.content) == (200, b"")
    value = visitor.message(chat, message)
    assert value["state"] == state
    assert value["content"] == ('Привет 🙂\n"' if state == "complete" else None)


def test_events_can_be_read_once(visitor: Visitor) -> None:
    chat, message = visitor.ready()
    assert visitor.events(chat, message).content
    assert visitor.events(chat, message).content == b""
    assert visitor.message(chat, message)["content"] == 'Привет 🙂\n"'


@pytest.mark.parametrize(
    ("text", "state"),
    [("Timeout", "timeout"), ("Aborted due to worker error.", "aborted_by_worker")],
)
def test_error_event(emulator: Emulator, visitor: Visitor, text: str, state: str) -> None:
    emulator.openassistant.fault = InBandError(text)
    token, error = values(visitor.events(*visitor.ready()).content)
    assert token == {"event_type": "token", "text": "При"}
    assert (error["event_type"], error["error"]) == ("error", text)
    assert error["message"]["state"] == state


def test_other_token_faults(emulator: Emulator, visitor: Visitor) -> None:
    emulator.openassistant.faults.extend([NoEndMark(), InvalidUTF8()])
    assert visitor.events(*visitor.ready()).content == TOKENS
    assert b'\\u0438\xff\xfe"}\r\n' in visitor.events(*visitor.ready()).content


def test_cut_leaves_the_chat_to_be_deleted(emulator: Emulator, visitor: Visitor) -> None:
    emulator.openassistant.fault = Cut(70)
    chat, message = visitor.ready()
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        visitor.events(chat, message)
    assert emulator.openassistant.chats == (chat,)
    assert visitor.message(chat, message)["state"] == "in_progress"
    assert visitor.call("DELETE", params={"chat_id": chat}).status_code == 200


def test_noise_and_pings(emulator: Emulator, visitor: Visitor) -> None:
    emulator.openassistant.noise = True
    emulator.openassistant.keepalive_seconds = 0.01
    emulator.openassistant.fault = Stall(1, seconds=0.05, keepalive=True)
    content = visitor.events(*visitor.ready()).content
    assert content.count(b"\r\n\r\n: ping - 2") >= 2
    assert b'"event_type": "plugin_intermediate"' in content
    assert b'data: {"event_type": "token", "text": ""}\r\n\r\n' in content
    assert b"event: ping\r\ndata: 2" in content


def test_one_account_cannot_wait_for_two_answers(emulator: Emulator, visitor: Visitor) -> None:
    emulator.openassistant.store.one_at_a_time = True
    emulator.openassistant.pending_seconds = 0.01
    first = visitor.ready()
    second = visitor.ready()
    assert visitor.events(*second).content.startswith(TOKENS)
    with visitor.session.post(
        f"{visitor.base}/events",
        params={"chat_id": first[0], "message_id": first[1]},
        stream=True,
        timeout=10,
    ) as answer:
        lines = answer.iter_lines(chunk_size=1)
        got = [line for _, line in zip(range(7), lines, strict=False)]
    assert set(got) == {
        b"",
        b'data: {"event_type": "pending", "queue_position": 0, "queue_size": 0}',
    }


class Server:
    """A client of the inference server."""

    def __init__(self, emulator: Emulator, headers: dict[str, str]) -> None:
        self.base = emulator.base_urls["openassistant"]
        self.headers = headers

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        return requests.request(
            method, self.base + path, headers=self.headers, timeout=10, **options
        )


TRUSTED = {
    "api_key": "6969",
    "client": "website",
    "user_id": "u1",
    "provider_account_id": "u1",
    "username": "u1",
}


def trusted(**changes: str) -> dict[str, str]:
    return {"TrustedClient": base64.b64encode(json.dumps(TRUSTED | changes).encode()).decode()}


def test_inference_server_with_a_debug_login(emulator: Emulator) -> None:
    emulator.openassistant.reply = lambda messages: ["При", 'вет 🙂\n"']
    emulator.openassistant.queue_positions = ()
    anybody = Server(emulator, {})
    tokens = anybody.call("GET", "/auth/callback/debug?code=me").json()
    server = Server(emulator, {"Authorization": f"Bearer {tokens['access_token']['access_token']}"})
    assert server.call("GET", "/auth/check").json() == "me"
    chat = server.call("POST", "/chats", json={}).json()["id"]
    prompt = {"content": "Hi", "parent_id": None}
    parent = server.call("POST", f"/chats/{chat}/prompter_message", json=prompt).json()["id"]
    question = {
        "parent_id": parent,
        "model_config_name": "_lorem",
        "sampling_parameters": SAMPLING,
        "plugins": [],
    }
    message = server.call("POST", f"/chats/{chat}/assistant_message", json=question).json()["id"]
    where = f"/chats/{chat}/messages/{message}"
    assert server.call("POST", f"{where}/events").status_code == 405
    answer = server.call("GET", f"{where}/events")
    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert answer.content.startswith(TOKENS)
    assert server.call("GET", f"{where}/events").status_code == 204
    assert server.call("GET", where).json()["content"] == 'Привет 🙂\n"'
    assert Server(emulator, {}).call("GET", where).json() == {"detail": "Not authenticated"}
    deletions = [server.call("DELETE", f"/chats/{chat}") for _ in range(2)]
    assert [answer.status_code for answer in deletions] == [200, 404]
    assert deletions[1].json() == {"detail": "Chat not found"}


def test_inference_server_with_a_trusted_client(emulator: Emulator) -> None:
    server = Server(emulator, trusted())
    answer = server.call("POST", "/chats", json={})
    assert (answer.status_code, answer.json()) == (404, {"detail": "User not found"})
    assert server.call("POST", "/auth/trusted").status_code == 200
    assert server.call("POST", "/chats", json="").status_code == 200
    assert server.call("POST", "/chats", json=[]).status_code == 422
    assert server.call("POST", "/chats").status_code == 415
    wrong = Server(emulator, trusted(api_key="x")).call("GET", "/auth/check")
    assert (wrong.status_code, wrong.json()) == (401, {"detail": "Unauthorized client"})


def test_tokens_are_checked_and_refreshed(emulator: Emulator) -> None:
    wrong = Server(emulator, {"Authorization": "Bearer x"}).call("GET", "/auth/check")
    assert (wrong.status_code, wrong.json()) == (401, {"detail": "Invalid token"})
    tokens = Server(emulator, {}).call("GET", "/auth/callback/debug?code=me").json()
    refresh = {"Refresh": f"Bearer {tokens['refresh_token']['access_token']}"}
    renewed = Server(emulator, refresh).call("GET", "/auth/refresh").json()["access_token"]
    server = Server(emulator, {"Authorization": f"Bearer {renewed['access_token']}"})
    assert server.call("GET", "/auth/check").json() == "me"
    assert Server(emulator, {}).call("GET", "/auth/refresh").status_code == 401


def test_rate_limit_of_the_inference_server(emulator: Emulator) -> None:
    emulator.openassistant.store.limit = 0
    server = Server(emulator, trusted())
    server.call("POST", "/auth/trusted")
    chat = server.call("POST", "/chats", json={}).json()["id"]
    prompt = {"content": "Hi", "parent_id": None}
    parent = server.call("POST", f"/chats/{chat}/prompter_message", json=prompt).json()["id"]
    question = {
        "parent_id": parent,
        "model_config_name": "_lorem",
        "sampling_parameters": SAMPLING,
        "plugins": [],
    }
    answer = server.call("POST", f"/chats/{chat}/assistant_message", json=question)
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
