from __future__ import annotations

import json
from typing import Any

import pytest

from g4fsync.errors import (
    ConfigurationError,
    G4FSyncError,
    InvalidRequest,
    ProtocolError,
    ProviderError,
    ServerError,
    StreamTruncated,
)
from g4fsync.events import Event, Finish, ProviderData, Reasoning, Text, ToolCall, Usage
from g4fsync.messages import ChatResult, Image
from g4fsync.providers.ollama import Ollama, body, host_url
from g4fsync.testing import ScriptedTransport, chat, request
from tests.support.wire import JSON, Wire

ASK = "POST /api/chat"
WIRE = Wire(Ollama(), ASK, "application/x-ndjson")
SCHEMA = {"type": "object"}
TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA}}


def lines(*values: object) -> bytes:
    return "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values).encode()


def said(content: str = "", done: str | None = None, **more: Any) -> dict[str, Any]:
    counts = more.pop("counts", {})
    message = {"role": "assistant", "content": content, **more}
    record = {"model": "m", "created_at": "2026-01-01T10:00:00Z", "message": message}
    return {**record, "done": done is not None, **({"done_reason": done} if done else {}), **counts}


def made(messages: object = "Hi", **options: Any) -> dict[str, Any]:
    return body(request(Ollama(), messages, model="m", **options))


# -- the request ------------------------------------------------------------


def test_the_request_exactly() -> None:
    transport = ScriptedTransport({ASK: lines(said(done="stop"))})
    list(Ollama().stream(request(Ollama(), "Hi", model="llama3.2:1b"), transport))
    [sent] = transport.requests
    assert (sent.path, sent.params, sent.headers) == (
        "/api/chat",
        {},
        {"Accept": "application/json"},
    )
    assert sent.body == {
        "model": "llama3.2:1b",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
    }


def test_the_key_for_ollama_com() -> None:
    transport = ScriptedTransport({ASK: lines(said(done="stop"))}, api_key="k")
    asked = request(Ollama(), "Hi", model="m", extra_headers={"X": "y"})
    list(Ollama().stream(asked, transport))
    accept = {"Accept": "application/json"}  # as the official clients
    assert transport.requests[0].headers == {**accept, "Authorization": "Bearer k", "X": "y"}


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("1.2.3.4", "http://1.2.3.4:11434"),
        ("example.com:56789", "http://example.com:56789"),
        ("http://example.com", "http://example.com:80"),
        ("https://example.com", "https://example.com:443"),
        ("HTTPS://example.com", "HTTPS://example.com:443"),
        ("example.com/path/", "http://example.com:11434/path"),
        ("[::1]", "http://[::1]:11434"),
        ("[::1]:5", "http://[::1]:5"),
        (":1234", "http://127.0.0.1:1234"),
        (" example.com ", "http://example.com:11434"),
        ("ollama.com", "https://ollama.com:443"),
        ("https://ollama.com/api", "https://ollama.com:443"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:11434", "http://127.0.0.1:11434"),
        ("http://0.0.0.0:1", "http://127.0.0.1:1"),
        ("[::]:1", "http://[::1]:1"),
        ("http://127.0.0.1:11434/v1", "http://127.0.0.1:11434"),
        ("http://h:1/ollama/v1/", "http://h:1/ollama"),
        ("http://u:p@h", "http://u:p@h:80"),
    ],
)
def test_what_ollama_host_means(value: str, url: str) -> None:
    assert host_url(value) == url


@pytest.mark.parametrize("value", ["h:port", "h:99999", "::1", "h:1:2"])
def test_what_ollama_host_can_not_mean(value: str) -> None:
    with pytest.raises(ConfigurationError, match="ollama: the host must look like host:port"):
        Ollama(value)


def test_options() -> None:
    value = made(
        temperature=0.5,
        top_p=0.9,
        max_tokens=7,
        seed=1,
        stop="END",
        tools=[TOOL],
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}},
        reasoning_effort="high",
        extra_body={"keep_alive": "10m", "options": {"num_ctx": 8192}},
    )
    del value["messages"]
    assert value == {
        "model": "m",
        "stream": True,
        "options": {
            "temperature": 0.5,
            "top_p": 0.9,
            "num_predict": 7,
            "seed": 1,
            "stop": ["END"],
            "num_ctx": 8192,
        },
        "tools": [TOOL],
        "format": SCHEMA,
        "think": "high",
        "keep_alive": "10m",
    }


@pytest.mark.parametrize(
    ("tool", "message"),
    [
        (
            {"function": {"name": "f", "strict": True}},
            r"tools\[0\]\.function: ollama has no 'strict'",
        ),
        (
            {"function": {"name": "f"}, "cache_control": {}},
            r"tools\[0\]: ollama has no 'cache_control'",
        ),
        ({"type": "web_search"}, r"tools\[0\] must be"),
    ],
)
def test_what_ollama_s_tools_do_not_have_is_refused(tool: Any, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        made(tools=[tool])


@pytest.mark.parametrize(
    ("wanted", "wire"),
    [("json", "json"), ({"type": "json_object"}, "json"), ({"type": "text"}, None)],
)
def test_formats_without_a_schema(wanted: Any, wire: str | None) -> None:
    assert made(response_format=wanted).get("format") == wire


@pytest.mark.parametrize(
    ("effort", "think"), [("none", False), ("minimal", "low"), ("low", "low"), ("xhigh", "max")]
)
def test_reasoning_effort(effort: str, think: Any) -> None:
    assert made(reasoning_effort=effort)["think"] == think


def test_a_tool_choice_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="ollama has no option 'tool_choice'"):
        made(tool_choice="auto")


def test_messages() -> None:
    value = made(
        [
            {"role": "developer", "content": "rules"},
            {"role": "user", "content": ["see", Image(content=b"\x89P", media_type="image/png")]},
            {"role": "assistant", "content": "", "tool_calls": (ToolCall("c1", "f", '{"a":1}'),)},
            {"role": "tool", "content": "12", "tool_call_id": "c1"},
            {"role": "tool", "content": "13", "name": "g"},
        ]
    )
    assert value["messages"] == [
        {"role": "system", "content": "rules"},
        {"role": "user", "content": "see", "images": ["iVA="]},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": {"a": 1}}}],
        },
        {"role": "tool", "content": "12", "tool_name": "f", "tool_call_id": "c1"},
        {"role": "tool", "content": "13", "tool_name": "g"},
    ]


def test_the_url_of_an_image_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="images are taken as bytes, not as URLs"):
        made([{"role": "user", "content": [Image(url="https://h/i.png")]}])


# -- answers ----------------------------------------------------------------

COUNTS = {
    "total_duration": 5191566416,
    "prompt_eval_count": 26,
    "eval_count": 298,
    "eval_duration": 4799921000,
}
CALL = {"id": "own", "function": {"index": 0, "name": "f", "arguments": {"city": "Paris"}}}
TRANSCRIPTS: dict[str, tuple[bytes, list[Event]]] = {
    "thinking and text": (
        lines(
            said(thinking="Greeting."),
            said("Hi"),
            said(" café\u2028🦙"),
            said(done="stop", counts=COUNTS),
        ),
        [
            Reasoning("Greeting."),
            Text("Hi"),
            Text(" café\u2028🦙"),
            Usage(26, 298, 324),
            Finish("stop", "stop"),
        ],
    ),
    "tools": (
        lines(
            said(tool_calls=[CALL]),
            said(tool_calls=[{"function": {"name": "g", "arguments": {}}}]),
            said(done="stop", counts={"eval_count": 3}),
        ),
        [
            ToolCall("own", "f", '{"city": "Paris"}'),
            ToolCall("call_1", "g", "{}"),
            Usage(output_tokens=3),
            Finish("tool_calls", "stop"),
        ],
    ),
    "a limit, the text beside it": (
        lines(said("Hi", done="length", counts={"prompt_eval_count": 0})),
        [Text("Hi"), Usage(0), Finish("length", "length")],
    ),
    "no reason told": (
        lines(said("Hi"), {"done": True}),
        [Text("Hi"), Finish("stop", None)],
    ),
}


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_transcript(name: str) -> None:
    answer, events = TRANSCRIPTS[name]
    assert WIRE.events(answer) == events


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_a_transcript_in_two_pieces_is_the_same(name: str) -> None:
    answer, events = TRANSCRIPTS[name]
    for found in WIRE.in_two_pieces(answer):
        assert found == events


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_a_transcript_cut_off_is_never_whole(name: str) -> None:
    answer, events = TRANSCRIPTS[name]
    for length, found in WIRE.cut_off(answer):
        # Without its line end the last line is whole all the same: it says so itself.
        if length == len(answer) - 1:
            assert found == events
        else:
            assert isinstance(found, StreamTruncated)


def test_a_plain_json_answer_to_a_request_for_a_stream() -> None:
    answer = json.dumps(said("Hi", done="stop", counts=COUNTS)).encode()
    assert WIRE.events(answer, headers=JSON) == [
        Text("Hi"),
        Usage(26, 298, 324),
        Finish("stop", "stop"),
    ]


def result(*records: object) -> ChatResult:
    return chat(Ollama(), "Hi", ScriptedTransport({ASK: lines(*records)}), model="m").result()


def test_what_follows_done_belongs_to_the_answer_and_the_last_reason_counts() -> None:
    answer = lines(
        said("The", done="stop"),
        said(" old"),
        said(tool_calls=[CALL]),
        said(" lighthouse", done="length", counts=COUNTS),
    )
    assert WIRE.events(answer) == [
        Text("The"),
        Text(" old"),
        ToolCall("own", "f", '{"city": "Paris"}'),
        Text(" lighthouse"),
        Usage(26, 298, 324),
        Finish("length", "length"),
    ]


@pytest.mark.parametrize(
    ("records", "may_continue"),
    [
        ([said("a", done="stop")], True),
        ([said(done="stop")], True),
        ([said("a"), said(done="stop")], False),
        ([said("a"), said(done="stop", tool_calls=[CALL])], True),
    ],
)
def test_a_done_beside_text_or_before_any_may_not_be_the_last(
    records: list[Any], may_continue: bool
) -> None:
    transport = ScriptedTransport({ASK: lines(*records)})
    [*_, last] = Ollama().stream(request(Ollama(), "Hi", model="m"), transport)
    assert isinstance(last, Finish)
    assert last.may_continue is may_continue


@pytest.mark.parametrize(
    ("raw", "finish"),
    [
        ("stop", Finish("stop", "stop")),
        ("length", Finish("length", "length")),
        ("load", Finish("load", "load")),
        ("unload", Finish("unload", "unload")),
        ("new_word", Finish("new_word", "new_word")),
        ("", Finish("stop")),
        ("null", Finish("stop")),
        (None, Finish("stop")),
        (0, Finish("stop")),
        (["stop"], Finish("stop")),
    ],
)
def test_reasons_are_kept(raw: Any, finish: Finish) -> None:
    assert WIRE.events(lines(said("a"), {"done": True, "done_reason": raw})) == [Text("a"), finish]


@pytest.mark.parametrize("raw", ["error", "aborted", "upstream timeout"])
def test_a_reason_that_tells_a_failure_is_one(raw: str) -> None:
    with pytest.raises(ServerError, match=f"^ollama: the answer ended with '{raw}'$") as caught:
        result(said("a"), said(done=raw))
    assert (caught.value.partial, caught.value.code) == ("a", raw)


@pytest.mark.parametrize("done", [False, None, "false", 0, "", [], {}])
def test_what_is_no_done_ends_nothing(done: Any) -> None:
    begun = said("a") | {"done": done}
    assert isinstance(WIRE.error(lines(begun)), StreamTruncated)


@pytest.mark.parametrize("done", [True, "true", 1])
def test_done_in_other_spellings(done: Any) -> None:
    assert result(said("a"), {"done": done}).finish_reason == "stop"


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (said("a") | {"message": {"content": 0}}, "0"),
        ({"message": {"content": 1.5}}, "1.5"),
        ({"message": {"content": {"a": "é"}}}, '{"a": "é"}'),
        ({"message": {"content": ["a", {"type": "text", "text": "b"}, {"type": "image"}]}}, "ab"),
        ({"message": {"content": None}}, ""),
        ({"message": "a"}, "a"),
        ({"message": None}, ""),
        ({"response": "a"}, "a"),
    ],
)
def test_text_in_any_shape_is_text(record: Any, text: str) -> None:
    assert result(said("<"), record, said(">"), said(done="stop")).text == f"<{text}>"


@pytest.mark.parametrize(
    ("thinking", "thoughts"),
    [(0, "0"), (["a", {"type": "text", "text": "b"}], "ab"), ({"a": 1}, ""), (True, "")],
)
def test_thoughts_in_another_shape(thinking: Any, thoughts: str) -> None:
    answer = result(said("a", thinking=thinking), said(done="stop"))
    assert (answer.text, answer.reasoning) == ("a", thoughts)


def piece(arguments: Any = None, **fields: Any) -> dict[str, Any]:
    name = fields.pop("name", None)
    function = {"arguments": arguments} | ({"name": name} if name else {})
    return said(tool_calls=[{**fields, "function": function}])


@pytest.mark.parametrize(
    ("records", "calls"),
    [
        ([piece('{"a": 1}', name="f")], [ToolCall("call_0", "f", '{"a": 1}')]),
        (
            [piece('{"a":', name="f", id="i"), piece(' "b'), piece('c"}')],
            [ToolCall("i", "f", '{"a": "bc"}')],
        ),
        (
            [piece("", name="f"), piece('{"a": '), piece("1}"), piece({}, name="g")],
            [ToolCall("call_0", "f", '{"a": 1}'), ToolCall("call_1", "g", "{}")],
        ),
        (
            [piece('{"a"', name="f", id="i"), piece(":1}", name="f", id="i")],
            [ToolCall("i", "f", '{"a":1}')],
        ),
        ([said(tool_calls={"function": {"name": "f"}})], [ToolCall("call_0", "f", "{}")]),
        ([said(tool_calls=[{"name": "f", "arguments": {}}])], [ToolCall("call_0", "f", "{}")]),
        ([said(tool_calls=[{}, "f"])], []),
    ],
)
def test_calls_as_text_in_pieces_and_in_other_shapes(records: list[Any], calls: Any) -> None:
    answer = result(*records, said(done="stop"))
    assert list(answer.tool_calls) == calls
    assert answer.finish_reason == ("tool_calls" if answer.tool_calls else "stop")


def test_a_call_that_was_cut_off_is_none() -> None:
    answer = result(piece('{"a": "b', name="f"), said(done="length"))
    assert (answer.tool_calls, answer.finish_reason) == ((), "length")


# -- errors -----------------------------------------------------------------


def test_an_error_inside_the_stream() -> None:
    told = "an error was encountered while running the model"
    transport = ScriptedTransport({ASK: lines(said("Hi"), {"error": told})})
    with pytest.raises(ProviderError) as caught:
        chat(Ollama(), "Hi", transport, model="m").result()
    assert str(caught.value) == f"ollama: {told}"
    assert (caught.value.partial, caught.value.status) == ("Hi", 200)


@pytest.mark.parametrize(
    ("status", "told", "kind", "retryable"),
    [
        (400, '"m" does not support tools', ProviderError, False),
        (404, "model 'x' not found", ProviderError, False),
        (500, "boom", ServerError, True),
        (503, "server busy, please try again.", ServerError, True),
    ],
)
def test_a_refusal_by_status(
    status: int, told: str, kind: type[G4FSyncError], retryable: bool
) -> None:
    error = WIRE.error(json.dumps({"error": told}).encode(), status=status, headers=JSON)
    assert (type(error), error.retryable) == (kind, retryable)
    assert str(error) == f"ollama: HTTP {status}: {told}"


def test_an_empty_answer_is_cut() -> None:
    assert str(WIRE.error(b"")) == "ollama: the answer is empty: no line in it"


@pytest.mark.parametrize(
    "value",
    [
        "Hi",
        {"message": {"tool_calls": [{"function": {"arguments": {"a": 1}}}]}},
        {"message": {"tool_calls": [{"function": "f"}]}},
    ],
)
def test_another_shape_is_a_protocol_error(value: object) -> None:
    assert isinstance(WIRE.error(lines(value, said(done="stop"))), ProtocolError)


# -- models -----------------------------------------------------------------


def test_the_list_of_models() -> None:
    models = [{"name": "llama3.2:latest", "model": "llama3.2:latest"}]
    transport = ScriptedTransport({"GET /api/tags": {"models": models}})
    assert Ollama().list_models(transport) == ["llama3.2:latest"]


# -- what is carried along --------------------------------------------------


def sent(*messages: object) -> list[dict[str, Any]]:
    user = {"role": "user", "content": "Hi"}
    made = body(request(Ollama(), [user, *messages], model="m"))
    value: list[dict[str, Any]] = made["messages"][1:]
    return value


def test_thoughts_are_sent_back() -> None:
    records: list[dict[str, Any]] = [
        {"message": {"role": "assistant", "content": "", "thinking": "They "}},
        {"message": {"role": "assistant", "content": "", "thinking": "want"}},
        {"message": {"role": "assistant", "content": "Hello"}, "done": True},
    ]
    wire = "".join(f"{json.dumps(each)}\n" for each in records).encode()
    result = chat(Ollama(), "Hi", ScriptedTransport({"POST /api/chat": wire}), model="m").result()
    turn = {"role": "assistant", "content": "Hello", "thinking": "They want"}
    assert sent(result) == [turn]
    assert sent(ChatResult("Hello", provider_data=(ProviderData("x", "message", {"a": 1}),))) == [
        {"role": "assistant", "content": "Hello"}
    ]


@pytest.mark.parametrize("name", ["thinking", "reasoning", "reasoning_content"])
def test_thoughts_of_a_history_have_ollamas_name(name: str) -> None:
    turn = {"role": "assistant", "content": "a", name: "hm"}
    assert sent(turn) == [{"role": "assistant", "content": "a", "thinking": "hm"}]


def test_a_history_of_ollamas_own_client() -> None:
    function = {"name": "f", "arguments": {"a": 1}, "index": 0}
    turn = {"role": "assistant", "content": "", "tool_calls": [{"function": function}]}
    assert sent(turn) == [turn]


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ({"content": "a", "cache_control": {"a": 1}}, "messages[1]: ollama has no 'cache_control'"),
        ({"content": "a", "name": "Ann"}, "messages[1]: ollama has no 'name'"),
        (
            {"content": [{"type": "text", "text": "a", "cache_control": {"a": 1}}]},
            "messages[1].content[0]: ollama has no 'cache_control'",
        ),
        (
            {"content": ["a", Image(content=b"\x89P", media_type="image/png", detail="low")]},
            "messages[1].content[1]: ollama has no 'detail'",
        ),
        (
            {"content": [{"type": "input_audio", "input_audio": {}}]},
            "messages[1].content[0]: ollama has no part of type 'input_audio'; "
            "write text or an Image",
        ),
        (
            {
                "role": "assistant",
                "content": "",
                "tool_calls": (ToolCall("1", "f", "{}", {"x": 1}),),
            },
            "messages[1].tool_calls[0]: ollama has no 'x'",
        ),
    ],
)
def test_what_the_protocol_does_not_have_is_refused(message: dict[str, Any], fault: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        sent({"role": "user", **message})
    assert str(caught.value) == fault
