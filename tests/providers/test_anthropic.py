from __future__ import annotations

import json
from typing import Any

import pytest

from g4fsync.errors import (
    AuthenticationError,
    G4FSyncError,
    InvalidRequest,
    ProtocolError,
    ProviderError,
    RateLimited,
    ServerError,
    StreamTruncated,
)
from g4fsync.events import Event, Finish, Reasoning, Text, ToolCall, Usage
from g4fsync.messages import ChatResult, Image
from g4fsync.providers.anthropic import Anthropic, body
from g4fsync.testing import ScriptedTransport, chat, request
from tests.support.wire import JSON, Wire

LOCAL = "http://127.0.0.1:8080"
ASK = "POST /v1/messages"
WIRE = Wire(Anthropic(LOCAL), ASK, "text/event-stream; charset=utf-8")
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA}}


def sse(*values: Any) -> bytes:
    names = [f"event: {v['type']}\n" if isinstance(v, dict) and "type" in v else "" for v in values]
    return "".join(
        f"{name}data: {json.dumps(value, ensure_ascii=False)}\n\n"
        for name, value in zip(names, values, strict=True)
    ).encode()


def made(messages: object = "Hi", **options: Any) -> dict[str, Any]:
    return body(request(Anthropic(), messages, model="m", **options), 4096)


# -- the request ------------------------------------------------------------


def test_the_request_exactly() -> None:
    transport = ScriptedTransport({ASK: ANSWER}, api_key="sk-1")
    asked = request(
        Anthropic(), [{"role": "system", "content": "Be brief."}, *HELLO], model="claude-x"
    )
    list(Anthropic().stream(asked, transport))
    [sent] = transport.requests
    assert (sent.method, sent.path, sent.params) == ("POST", "/v1/messages", {})
    assert sent.headers == {"Accept": "text/event-stream", "x-api-key": "sk-1"}
    assert Anthropic.headers["anthropic-version"] == "2023-06-01"
    assert sent.body == {
        "model": "claude-x",
        "max_tokens": 4096,
        "stream": True,
        "system": "Be brief.",
        "messages": [{"role": "user", "content": "Say hi"}],
    }


HELLO = [{"role": "user", "content": "Say hi"}]


def test_the_key_as_bearer() -> None:
    transport = ScriptedTransport({ASK: ANSWER}, api_key="k")
    provider = Anthropic(LOCAL, bearer=True)
    list(provider.stream(request(provider, "Hi", model="m"), transport))
    assert transport.requests[0].headers["Authorization"] == "Bearer k"
    assert "x-api-key" not in transport.requests[0].headers


def test_without_a_key_none_is_sent() -> None:
    transport = ScriptedTransport({ASK: ANSWER})
    asked = request(Anthropic(LOCAL), "Hi", model="m", extra_headers={"anthropic-beta": "b"})
    list(Anthropic(LOCAL).stream(asked, transport))
    assert transport.requests[0].headers == {"Accept": "text/event-stream", "anthropic-beta": "b"}


@pytest.mark.parametrize("url", ["http://h:1", "http://h:1/v1/", "http://h:1/v1/messages"])
def test_the_base_url_is_without_v1(url: str) -> None:
    assert Anthropic(url).base_url == "http://h:1"


def test_options() -> None:
    value = made(
        temperature=0.5,
        top_p=0.9,
        max_tokens=7,
        stop="END",
        tools=[TOOL, {"type": "function", "function": {"name": "g"}}],
        tool_choice="required",
        extra_body={"top_k": 3},
    )
    assert {name: value[name] for name in value if name not in ("model", "messages")} == {
        "stream": True,
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 7,
        "stop_sequences": ["END"],
        "tools": [
            {"name": "f", "description": "d", "input_schema": SCHEMA},
            {"name": "g", "input_schema": {"type": "object", "properties": {}}},
        ],
        "tool_choice": {"type": "any"},
        "top_k": 3,
    }


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        ("auto", {"type": "auto"}),
        ("none", {"type": "none"}),
        ({"type": "function", "function": {"name": "f"}}, {"type": "tool", "name": "f"}),
    ],
)
def test_tool_choices(choice: Any, wire: Any) -> None:
    assert made(tools=[TOOL], tool_choice=choice)["tool_choice"] == wire


def test_fields_of_anthropic_s_tools_travel_on() -> None:
    own = {
        "strict": True,
        "cache_control": {"type": "ephemeral", "ttl": "1h"},
        "defer_loading": True,
        "eager_input_streaming": True,
        "allowed_callers": ["direct"],
        "input_examples": [{"a": "b"}],
    }
    inside = {"type": "function", "function": {"name": "f", "parameters": SCHEMA, **own}}
    beside = {"type": "function", "function": {"name": "f", "parameters": SCHEMA}, **own}
    wire = {"name": "f", "input_schema": SCHEMA, **own}
    assert made(tools=[inside, beside])["tools"] == [wire, wire]


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 5},
        {"name": "f", "input_schema": SCHEMA, "cache_control": {"type": "ephemeral"}},
        {"type": "custom", "name": "f", "input_schema": SCHEMA},
        {"type": "mcp_toolset", "mcp_server_name": "s"},
    ],
)
def test_a_tool_in_anthropic_s_own_shape_goes_out_as_it_is(tool: Any) -> None:
    assert made(tools=[TOOL, tool])["tools"][1] == tool


@pytest.mark.parametrize(
    ("tool", "message"),
    [
        ({"function": {"name": "f", "x": 1}}, r"tools\[0\]\.function: anthropic has no 'x'"),
        ({"function": {"name": "f"}, "x": 1}, r"tools\[0\]: anthropic has no 'x'"),
        ({"type": "custom", "custom": {"name": "f"}}, r"tools\[0\] must be"),
    ],
)
def test_what_anthropic_s_tools_do_not_have_is_refused(tool: Any, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        made(tools=[tool])


def test_a_tool_choice_in_anthropic_s_own_shape_goes_out_as_it_is() -> None:
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    assert made(tools=[TOOL], tool_choice=choice)["tool_choice"] == choice


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_a_choice_of_some_tools_can_not_be_expressed(mode: str) -> None:
    tools = [{"function": {"name": name}} for name in ("f", "g")]
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}
    with pytest.raises(InvalidRequest, match="anthropic has no 'allowed_tools'"):
        made(tool_choice=choice)


def test_a_choice_of_one_required_tool_is_that_tool() -> None:
    only = {"mode": "required", "tools": [{"function": {"name": "f"}}]}
    choice = {"type": "allowed_tools", "allowed_tools": only}
    assert made(tool_choice=choice)["tool_choice"] == {"type": "tool", "name": "f"}


def test_reasoning_effort_and_schema_share_the_output_config() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
    value = made(reasoning_effort="high", response_format=wanted)
    assert value["thinking"] == {"type": "adaptive"}
    assert value["output_config"] == {
        "effort": "high",
        "format": {"type": "json_schema", "schema": SCHEMA},
    }


def test_thinking_turned_off() -> None:
    value = made(reasoning_effort="none", response_format={"type": "text"})
    assert value["thinking"] == {"type": "disabled"}
    assert "output_config" not in value


def test_json_without_a_schema_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="response_format needs a JSON schema"):
        made(response_format="json")


def test_a_seed_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="anthropic has no option 'seed'"):
        made(seed=1)


def test_messages() -> None:
    value = made(
        [
            {"role": "system", "content": "one"},
            {"role": "user", "content": ["see", Image(content=b"\x89P", media_type="image/png")]},
            {"role": "developer", "content": "two"},
            {"role": "user", "content": [Image(url="https://h/i.png")]},
            {"role": "assistant", "content": "", "tool_calls": (ToolCall("t1", "f", '{"a":1}'),)},
            {"role": "tool", "content": "12", "tool_call_id": "t1"},
            {"role": "tool", "content": "", "tool_call_id": "t2"},
            {"role": "user", "content": "and?"},
            {"role": "assistant", "content": ""},
            {"role": "user", "content": "so?"},
        ]
    )
    assert value["system"] == "one\n\ntwo"
    assert value["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "see"},
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": "iVA="},
                },
                {"type": "image", "source": {"type": "url", "url": "https://h/i.png"}},
            ],
        },
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}}],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "12"},
                {"type": "tool_result", "tool_use_id": "t2"},
                {"type": "text", "text": "and?"},
                {"type": "text", "text": "so?"},
            ],
        },
    ]


def test_system_text_alone_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="there must be a message besides the system's"):
        made([{"role": "system", "content": "rules"}])


def test_broken_arguments_in_the_history_are_refused() -> None:
    call = ToolCall("t", "f", "{")
    with pytest.raises(InvalidRequest, match="the arguments of tool call 'f'"):
        made([{"role": "assistant", "content": None, "tool_calls": (call,)}])


# -- answers ----------------------------------------------------------------


def start(**usage: Any) -> dict[str, Any]:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "content": []}
    return {"type": "message_start", "message": {**message, "stop_reason": None, "usage": usage}}


def block(index: int, **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": fields}


def more(index: int, kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def stop(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def end(reason: str | None, **usage: Any) -> dict[str, Any]:
    delta = {"stop_reason": reason, "stop_sequence": None}
    return {"type": "message_delta", "delta": delta, "usage": usage}


PING = {"type": "ping"}
END = {"type": "message_stop"}
TEXT = block(0, type="text", text="")
INPUT = {
    "input_tokens": 12,
    "cache_creation_input_tokens": 3,
    "cache_read_input_tokens": 5,
    "output_tokens": 1,
}
ANSWER = sse(
    start(**INPUT),
    block(0, type="thinking", thinking="", signature=""),
    PING,
    more(0, "thinking_delta", thinking="Short greeting."),
    more(0, "signature_delta", signature="EqQB.."),
    stop(0),
    block(1, type="text", text=""),
    more(1, "text_delta", text="Hi"),
    more(1, "citations_delta", citation={}),
    more(1, "text_delta", text=" café 🦙"),
    stop(1),
    block(2, type="server_tool_use", id="s", name="web_search", input={}),
    more(2, "input_json_delta", partial_json='{"q":1}'),
    stop(2),
    end("end_turn", output_tokens=15, input_tokens=None),
    END,
)
TOOLS = sse(
    start(input_tokens=12),
    block(0, type="tool_use", id="toolu_1", name="get_weather", input={}),
    more(0, "input_json_delta", partial_json=""),
    more(0, "input_json_delta", partial_json='{"city":'),
    more(0, "input_json_delta", partial_json='"Paris"}'),
    stop(0),
    block(1, type="tool_use", id="toolu_2", name="now", input={}),
    stop(1),
    end("tool_use", output_tokens=9),
    end(None, output_tokens=10),
    END,
)

TRANSCRIPTS: dict[str, tuple[bytes, list[Event]]] = {
    "thinking, text, unknown blocks and deltas": (
        ANSWER,
        [
            Reasoning("Short greeting."),
            Text("Hi"),
            Text(" café 🦙"),
            Usage(20, 15, 35, cached_tokens=5),
            Finish("stop", "end_turn"),
        ],
    ),
    "tools": (
        TOOLS,
        [
            ToolCall("toolu_1", "get_weather", '{"city":"Paris"}'),
            ToolCall("toolu_2", "now", "{}"),
            Usage(12, 10, 22),
            Finish("tool_calls", "tool_use"),
        ],
    ),
    "litellm: no stop_sequence, no usage": (
        sse(
            {"type": "message_start", "message": {"id": "x"}},
            TEXT,
            more(0, "text_delta", text="Hi"),
            stop(0),
            {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}},
            END,
        ),
        [Text("Hi"), Finish("length", "max_tokens")],
    ),
    "thinking tokens told": (
        sse(
            start(input_tokens=1),
            TEXT,
            more(0, "text_delta", text="Hi"),
            end("refusal", output_tokens=9, output_tokens_details={"thinking_tokens": 7}),
            END,
        ),
        [
            Text("Hi"),
            Usage(1, 9, 10, reasoning_tokens=7),
            Finish("content_filter", "refusal"),
        ],
    ),
    "blocks that begin with something": (
        sse(
            start(),
            block(0, type="thinking", thinking="Hm"),
            block(1, type="text", text="Hi"),
            block(2, type="tool_use", id="t", name="f", input={"a": 1}),
            stop(2),
            end("pause_turn"),
            END,
        ),
        [
            Reasoning("Hm"),
            Text("Hi"),
            ToolCall("t", "f", '{"a": 1}'),
            Finish("pause_turn", "pause_turn"),
        ],
    ),
}


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_transcript(name: str) -> None:
    answer, events = TRANSCRIPTS[name]
    assert WIRE.events(answer) == events
    assert WIRE.events(answer.replace(b"\n", b"\r\n")) == events


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_a_transcript_in_two_pieces_is_the_same(name: str) -> None:
    answer, events = TRANSCRIPTS[name]
    for found in WIRE.in_two_pieces(answer):
        assert found == events


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_a_transcript_cut_off_is_never_whole(name: str) -> None:
    for length, found in WIRE.cut_off(TRANSCRIPTS[name][0]):
        assert isinstance(found, StreamTruncated), length


def test_argument_pieces_are_progress_without_text() -> None:
    transport = ScriptedTransport({ASK: TOOLS})
    items = list(Anthropic(LOCAL).stream(request(Anthropic(LOCAL), "Hi", model="m"), transport))
    assert items[:5] == ["", "", "", "", ToolCall("toolu_1", "get_weather", '{"city":"Paris"}')]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("stop_sequence", "stop"),
        ("model_context_window_exceeded", "length"),
        ("new_word", "new_word"),
    ],
)
def test_reasons_are_normal_and_kept(raw: str, reason: str) -> None:
    answer = sse(start(), TEXT, more(0, "text_delta", text="a"), end(raw), END)
    assert WIRE.events(answer)[-1] == Finish(reason, raw)


def test_a_plain_json_answer_to_a_request_for_a_stream() -> None:
    content = [
        {"type": "thinking", "thinking": "Hm", "signature": "s"},
        {"type": "text", "text": "Hi"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
        {"type": "redacted_thinking", "data": "x"},
    ]
    usage = {"input_tokens": 3, "output_tokens": 4}
    answer = {"type": "message", "content": content, "stop_reason": "tool_use", "usage": usage}
    assert WIRE.events(json.dumps(answer).encode(), headers=JSON) == [
        Reasoning("Hm"),
        Text("Hi"),
        ToolCall("t", "f", '{"a": 1}'),
        Usage(3, 4, 7),
        Finish("tool_calls", "tool_use"),
    ]
    cut = json.dumps(answer | {"stop_reason": None}).encode()
    assert isinstance(WIRE.error(cut, headers=JSON), StreamTruncated)


def result(*events: object) -> ChatResult:
    return chat(Anthropic(LOCAL), "Hi", ScriptedTransport({ASK: sse(*events)}), model="m").result()


def message(*blocks: object, **fields: Any) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": list(blocks), **fields}


CALL = {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}
HI = more(0, "text_delta", text="Hi")


def test_blocks_inside_the_first_event_belong_to_the_answer() -> None:
    first = message(
        {"type": "thinking", "thinking": "Hm"},
        {"type": "text", "text": "Hi"},
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": 1}},
        CALL,
        CALL | {"id": "u", "input": {}},
        stop_reason="tool_use",
        usage={"input_tokens": 0, "output_tokens": 0},
    )
    assert WIRE.events(sse({"type": "message_start", "message": first}, END)) == [
        Reasoning("Hm"),
        Text("Hi"),
        ToolCall("t", "f", '{"a": 1}'),
        ToolCall("u", "f", "{}"),
        Usage(0, 0, 0),
        Finish("tool_calls", "tool_use"),
    ]


def test_what_comes_after_a_stop_reason_belongs_to_the_answer_and_the_last_counts() -> None:
    answer = sse(
        start(input_tokens=1),
        HI,
        end("end_turn", output_tokens=1),
        more(0, "text_delta", text=" there"),
        block(1, **CALL),
        stop(1),
        end("max_tokens", output_tokens=2),
        END,
    )
    assert WIRE.events(answer) == [
        Text("Hi"),
        Text(" there"),
        ToolCall("t", "f", '{"a": 1}'),
        Usage(1, 2, 3),
        Finish("length", "max_tokens"),
    ]


@pytest.mark.parametrize(
    "last",
    [
        [END | {"message": message({"type": "text", "text": "Hi"}, stop_reason="end_turn")}],
        [message({"type": "text", "text": "Hi"}, stop_reason="end_turn")],
        [message({"type": "text", "text": "Hi"}, stop_reason="end_turn"), END],
    ],
)
def test_a_closing_message_is_not_said_twice(last: list[Any]) -> None:
    expected = [Text("Hi"), Usage(1, 2, 3), Finish("stop", "end_turn")]
    last[0]["usage"] = {"input_tokens": 1, "output_tokens": 2}
    if "message" in last[0]:
        last[0]["message"]["usage"] = last[0]["usage"]
    assert WIRE.events(sse(start(), TEXT, HI, stop(0), *last)) == expected
    # Where nothing was said before, it is the answer.
    assert WIRE.events(sse(start(), *last)) == expected
    assert WIRE.events(sse(*last)) == expected


def test_the_sdks_own_events_between_the_protocols_say_nothing() -> None:
    assert (
        result(
            start(),
            TEXT,
            HI,
            {"type": "text", "text": "Hi", "snapshot": "Hi"},
            {**stop(0), "content_block": {"type": "text", "text": "Hi"}},
            end("end_turn"),
            END,
        ).text
        == "Hi"
    )


@pytest.mark.parametrize(
    "other",
    [
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
        {"type": "mcp_tool_use", "id": "s", "name": "f", "server_name": "x", "input": {}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"text": "no"}]},
        {"type": "code_execution_tool_result", "tool_use_id": "s", "content": {"stdout": "no"}},
        {"type": "container_upload", "file_id": "f"},
        {"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}},
        {"type": "of_tomorrow", "text": "no"},
        {"type": 5},
        {},
    ],
)
def test_blocks_of_other_types_are_left_out_with_a_line_in_the_log(
    other: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "g4fsync.providers")
    streamed = [
        start(),
        {"type": "content_block_start", "index": 0, "content_block": other},
        more(0, "input_json_delta", partial_json='{"q"'),
        more(0, "delta_of_tomorrow", text="no"),
        stop(0),
        HI,
        {"type": "event_of_tomorrow", "text": "no"},
        end("end_turn"),
        END,
    ]
    expected = [Text("Hi"), Finish("stop", "end_turn")]
    assert WIRE.events(sse(*streamed)) == expected
    assert [record.getMessage() for record in caplog.records] == [
        f"left out: block {other.get('type')!r} of type dict",
        "left out: delta 'delta_of_tomorrow' of type dict",
    ]
    plain = message(other, {"type": "text", "text": "Hi"}, stop_reason="end_turn")
    assert WIRE.events(json.dumps(plain).encode(), headers=JSON) == expected


@pytest.mark.parametrize(
    ("events", "call"),
    [
        # The pieces count where the start has the input as well.
        ([block(0, **CALL), more(0, "input_json_delta", partial_json='{"b":2}')], '{"b":2}'),
        ([block(0, **CALL | {"input": '{"b":2}'})], '{"b":2}'),
        ([block(0, **CALL | {"input": None})], "{}"),
        ([block(0, **CALL), more(0, "input_json_delta", partial_json=1)], "1"),
        # Where a server leaves the index out, the latest block is meant.
        (
            [
                {"type": "content_block_start", "content_block": CALL},
                {**more(0, "input_json_delta", partial_json="{}"), "index": None},
            ],
            "{}",
        ),
    ],
)
@pytest.mark.parametrize("stopped", [True, False])
def test_the_input_of_a_call(events: list[Any], call: str, stopped: bool) -> None:
    answer = result(start(), *events, *([stop(0)] if stopped else []), end("tool_use"), END)
    assert answer.tool_calls == (ToolCall("t", "f", call),)
    assert answer.finish_reason == "tool_calls"


@pytest.mark.parametrize("begun", [{"content_block": "x"}, {}])
def test_input_of_a_block_that_was_not_begun_is_a_protocol_error(begun: dict[str, Any]) -> None:
    first = {"type": "content_block_start", "index": 0, **begun}
    piece = more(0, "input_json_delta", partial_json="{}")
    assert WIRE.events(sse(start(), first, HI, END)) == [Text("Hi"), Finish("stop")]
    error = WIRE.error(sse(start(), first, piece, stop(0), END))
    assert isinstance(error, ProtocolError)
    assert "input for block 0, which was not begun: '{}'" in str(error)


def test_a_call_without_an_id_gets_one_and_one_without_a_stop_is_complete() -> None:
    bare = {"type": "tool_use", "name": "f"}
    answer = result(start(), block(0, **bare), block(0, **bare), block(1, **bare), END)
    assert [call.id for call in answer.tool_calls] == ["call_0", "call_1", "call_2"]
    assert answer.finish_reason == "tool_calls"


@pytest.mark.parametrize("reason", ["max_tokens", "refusal", "pause_turn"])
def test_a_call_that_was_cut_off_is_none(reason: str) -> None:
    piece = more(0, "input_json_delta", partial_json='{"a')
    answer = result(start(), block(0, **CALL), piece, end(reason), END)
    assert answer.tool_calls == ()


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (more(0, "text_delta", text=0), "0"),
        (more(0, "text_delta", text=1.5), "1.5"),
        (more(0, "text_delta", text=None), ""),
        (more(0, "text_delta", text={"a": "é"}), '{"a": "é"}'),
        (more(0, "text_delta", text=["a", {"type": "text", "text": "b"}]), "ab"),
        ({**more(0, "text_delta", text="a"), "type": None}, "a"),
        ({"type": "content_block_delta", "delta": {"text": "a"}}, "a"),
        (block(0, type="text", text=1), "1"),
        ({"content_block": {"text": "a"}}, "a"),
        ({"type": "message_start", "message": message("a", 1)}, "a1"),
        ({"message": message() | {"content": "a"}}, "a"),
    ],
)
def test_text_in_any_shape_is_text(event: Any, text: str) -> None:
    begun, ended = more(9, "text_delta", text="<"), more(9, "text_delta", text=">")
    assert result(begun, event, ended, end("end_turn"), END).text == f"<{text}>"


def test_a_plain_message_whose_content_is_a_text() -> None:
    answer = message(stop_reason="end_turn") | {"content": "Hi"}
    assert WIRE.events(json.dumps(answer).encode(), headers=JSON) == [
        Text("Hi"),
        Finish("stop", "end_turn"),
    ]


@pytest.mark.parametrize("raw", ["error", "request_cancelled", "timed_out"])
def test_a_stop_reason_that_tells_a_failure_is_one(raw: str) -> None:
    with pytest.raises(ServerError, match=f"^anthropic: the answer ended with '{raw}'$") as caught:
        result(start(), HI, end(raw), END)
    assert (caught.value.partial, caught.value.code) == ("Hi", raw)


# -- errors -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "error", "retryable"),
    [
        ("overloaded_error", ServerError, True),
        ("api_error", ServerError, True),
        ("timeout_error", ServerError, True),
        ("rate_limit_error", RateLimited, True),
        ("authentication_error", AuthenticationError, False),
        ("invalid_request_error", ProviderError, False),
        ("billing_error", ProviderError, False),
    ],
)
def test_an_error_inside_the_stream(kind: str, error: type[G4FSyncError], retryable: bool) -> None:
    value = {"type": "error", "error": {"type": kind, "message": "boom"}, "request_id": "r"}
    begun = sse(start(), TEXT, more(0, "text_delta", text="Hi"))
    stream = chat(Anthropic(LOCAL), "Hi", ScriptedTransport({ASK: begun + sse(value)}), model="m")
    with pytest.raises(error) as caught:
        stream.result()
    assert type(caught.value) is error
    assert str(caught.value).startswith("anthropic: boom")
    assert (caught.value.partial, caught.value.retryable) == ("Hi", retryable)
    assert type(WIRE.error(json.dumps(value).encode(), headers=JSON)) is error


def test_an_overloaded_service_is_asked_again_before_the_first_token() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    first, second = ScriptedTransport({ASK: sse(error)}), ScriptedTransport({ASK: ANSWER})
    assert chat(Anthropic(LOCAL), "Hi", first, second, model="m").result().text == "Hi café 🦙"


@pytest.mark.parametrize(
    ("status", "kind", "error", "retryable"),
    [
        (400, "invalid_request_error", ProviderError, False),
        (401, "authentication_error", AuthenticationError, False),
        (402, "billing_error", ProviderError, False),
        (404, "not_found_error", ProviderError, False),
        (413, "request_too_large", ProviderError, False),
        (429, "rate_limit_error", RateLimited, True),
        (500, "api_error", ServerError, True),
        (504, "timeout_error", ServerError, True),
        (529, "overloaded_error", ServerError, True),
    ],
)
def test_a_refusal_by_status(
    status: int, kind: str, error: type[G4FSyncError], retryable: bool
) -> None:
    value = {"type": "error", "error": {"type": kind, "message": "m"}}
    failure = WIRE.error(json.dumps(value).encode(), status=status, headers=JSON)
    assert (type(failure), failure.retryable) == (error, retryable)


def test_a_spend_limit_is_not_worth_a_retry() -> None:
    details = {"error_code": "enforced_spend_limit_reached"}
    value = {"type": "error", "error": {"type": "rate_limit_error", "details": details}}
    failure = WIRE.error(json.dumps(value).encode(), status=429, headers=JSON)
    assert (type(failure), failure.retryable) == (RateLimited, False)


def test_a_too_long_prompt_has_a_code_of_its_own() -> None:
    message = "prompt is too long: 210000 tokens > 200000 maximum"
    value = {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
    failure = WIRE.error(json.dumps(value).encode(), status=400, headers=JSON)
    assert isinstance(failure, ProviderError)
    assert failure.code == "context_length_exceeded"


@pytest.mark.parametrize(
    "value",
    [
        {"type": "content_block_delta", "index": 0},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta"}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use"}},
        more(0, "input_json_delta", partial_json="{}"),
        block(0, type="tool_use", id="t"),
        "Hi",
    ],
)
def test_another_shape_is_a_protocol_error(value: dict[str, Any]) -> None:
    assert isinstance(WIRE.error(sse(start(), value, END)), ProtocolError)


# -- models -----------------------------------------------------------------


def test_the_list_of_models_is_read_page_by_page() -> None:
    first = {"data": [{"id": "a"}, {"id": "b"}], "has_more": True, "last_id": "b"}
    last = {"data": [{"id": "c"}], "has_more": False, "last_id": "c"}
    transport = ScriptedTransport({"GET /v1/models": (first, last)}, api_key="k")
    assert Anthropic().list_models(transport) == ["a", "b", "c"]
    assert [sent.params for sent in transport.requests] == [
        {"limit": "1000"},
        {"limit": "1000", "after_id": "b"},
    ]
    assert transport.requests[1].headers == {"Accept": "application/json", "x-api-key": "k"}
