from __future__ import annotations

import json
from typing import Any

import pytest

from g4fsync.errors import (
    AuthenticationError,
    ContentFiltered,
    G4FSyncError,
    InvalidRequest,
    ProtocolError,
    ProviderError,
    RateLimited,
    ServerError,
    StreamTruncated,
)
from g4fsync.events import Event, Finish, Reasoning, Text, ToolCall, Usage
from g4fsync.messages import Image
from g4fsync.providers.gemini import Gemini, body
from g4fsync.testing import Reply, ScriptedTransport, chat, request
from tests.support.wire import JSON, Wire

LOCAL = "http://127.0.0.1:8080"
ASK = "POST /models/m:streamGenerateContent"
WIRE = Wire(Gemini(LOCAL), ASK, "text/event-stream")
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA}}


def sse(*values: object) -> bytes:
    return "".join(f"data: {json.dumps(v, ensure_ascii=False)}\r\n\r\n" for v in values).encode()


def part(*parts: dict[str, Any], finish: str | None = None, **fields: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"index": 0}
    if parts:
        candidate["content"] = {"parts": list(parts), "role": "model"}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "m", **fields}


def made(messages: object = "Hi", model: str = "gemini-3-x", **options: Any) -> dict[str, Any]:
    return body(request(Gemini(), messages, model=model, **options))


# -- the request ------------------------------------------------------------


@pytest.mark.parametrize("model", ["gemini-x", "models/gemini-x"])
def test_the_request_exactly(model: str) -> None:
    path = "/models/gemini-x:streamGenerateContent"
    transport = ScriptedTransport({f"POST {path}": sse(part(finish="STOP"))}, api_key="k")
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    list(Gemini().stream(request(Gemini(), messages, model=model), transport))
    [sent] = transport.requests
    assert (sent.path, sent.params) == (path, {"alt": "sse"})
    assert sent.headers == {"Accept": "text/event-stream", "x-goog-api-key": "k"}
    assert sent.body == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
    }


def test_a_models_name_does_not_break_out_of_the_path() -> None:
    path = "/models/..%2Ffiles%3Fa:streamGenerateContent"
    transport = ScriptedTransport({f"POST {path}": sse(part(finish="STOP"))})
    list(Gemini(LOCAL).stream(request(Gemini(LOCAL), "Hi", model="../files?a"), transport))
    assert transport.requests[0].path == path
    assert transport.requests[0].headers == {"Accept": "text/event-stream"}


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://h:1", "http://h:1/v1beta"),
        ("http://h:1/gemini/", "http://h:1/gemini/v1beta"),
        ("http://h:1/v1", "http://h:1/v1"),
        ("http://h:1/v1alpha/", "http://h:1/v1alpha"),
    ],
)
def test_a_base_url_without_a_version_gets_one(url: str, base: str) -> None:
    assert Gemini(url).base_url == base


def test_options() -> None:
    value = made(
        temperature=0.5,
        top_p=0.9,
        max_tokens=7,
        seed=1,
        stop="END",
        tools=[TOOL, {"type": "function", "function": {"name": "g"}}],
        tool_choice="required",
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}},
        reasoning_effort="low",
        extra_body={"safetySettings": [], "generationConfig": {"topK": 3}},
    )
    del value["contents"]
    assert value == {
        "generationConfig": {
            "temperature": 0.5,
            "topP": 0.9,
            "maxOutputTokens": 7,
            "seed": 1,
            "stopSequences": ["END"],
            "responseMimeType": "application/json",
            "responseJsonSchema": SCHEMA,
            "thinkingConfig": {"includeThoughts": True, "thinkingLevel": "low"},
            "topK": 3,
        },
        "tools": [
            {
                "functionDeclarations": [
                    {"name": "f", "description": "d", "parametersJsonSchema": SCHEMA},
                    {"name": "g"},
                ]
            }
        ],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
        "safetySettings": [],
    }


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        ("auto", {"mode": "AUTO"}),
        ("none", {"mode": "NONE"}),
        (
            {"type": "function", "function": {"name": "f"}},
            {"mode": "ANY", "allowedFunctionNames": ["f"]},
        ),
    ],
)
def test_tool_choices(choice: Any, wire: Any) -> None:
    assert made(tool_choice=choice)["toolConfig"] == {"functionCallingConfig": wire}


def test_a_choice_of_some_functions() -> None:
    tools = [{"function": {"name": name}} for name in ("f", "g")]
    for mode, wire in (("required", "ANY"), ("auto", "VALIDATED")):
        choice = {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}
        assert made(tool_choice=choice)["toolConfig"] == {
            "functionCallingConfig": {"mode": wire, "allowedFunctionNames": ["f", "g"]}
        }


def test_a_tool_choice_in_gemini_s_own_shape_goes_out_as_it_is() -> None:
    choice = {"mode": "VALIDATED"}
    assert made(tool_choice=choice)["toolConfig"] == {"functionCallingConfig": choice}


def test_a_json_schema_goes_into_the_fields_for_json_schemas() -> None:
    schema = {
        "type": "object",
        "properties": {
            "city": {"type": ["string", "null"]},
            "unit": {"anyOf": [{"$ref": "#/$defs/Unit"}, {"type": "null"}]},
        },
        "required": ["city"],
        "additionalProperties": False,
        "$defs": {"Unit": {"enum": ["C", "F"]}},
    }
    value = made(
        tools=[{"type": "function", "function": {"name": "f", "parameters": schema}}],
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": schema}},
    )
    assert value["tools"] == [
        {"functionDeclarations": [{"name": "f", "parametersJsonSchema": schema}]}
    ]
    assert value["generationConfig"] == {
        "responseMimeType": "application/json",
        "responseJsonSchema": schema,
    }


def test_a_schema_in_gemini_s_own_dialect_goes_into_the_fields_for_it() -> None:
    schema = {"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": True}}}
    declared = made(tools=[{"function": {"name": "f", "parameters": schema}}])["tools"]
    assert declared == [{"functionDeclarations": [{"name": "f", "parameters": schema}]}]


def test_tools_in_gemini_s_own_shape_go_out_beside_the_functions() -> None:
    own: list[Any] = [
        {"googleSearch": {}},
        {"codeExecution": {}, "urlContext": {}},
        {"functionDeclarations": [{"name": "g", "parameters": {"type": "OBJECT"}}]},
    ]
    function = {"function": {"name": "f", "behavior": "NON_BLOCKING"}}
    assert made(tools=[own[0], function, *own[1:]])["tools"] == [
        {"functionDeclarations": [{"name": "f", "behavior": "NON_BLOCKING"}]},
        *own,
    ]
    assert made(tools=[own[0]])["tools"] == [own[0]]


@pytest.mark.parametrize(
    ("tool", "message"),
    [
        (
            {"function": {"name": "f", "strict": True}},
            r"tools\[0\]\.function: gemini has no 'strict'",
        ),
        (
            {"function": {"name": "f"}, "cache_control": {}},
            r"tools\[0\]: gemini has no 'cache_control'",
        ),
        ({"type": "web_search"}, r"tools\[0\] must be"),
        ({}, r"tools\[0\] must be"),
    ],
)
def test_what_gemini_s_tools_do_not_have_is_refused(tool: Any, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        made(tools=[tool])


@pytest.mark.parametrize(
    ("wanted", "config"),
    [("json", {"responseMimeType": "application/json"}), ({"type": "text"}, None)],
)
def test_formats_without_a_schema(wanted: Any, config: Any) -> None:
    assert made(response_format=wanted).get("generationConfig") == config


@pytest.mark.parametrize(
    ("model", "effort", "config"),
    [
        ("gemini-3-pro", "none", {"includeThoughts": False, "thinkingLevel": "minimal"}),
        ("gemini-3-pro", "high", {"includeThoughts": True, "thinkingLevel": "high"}),
        ("gemini-2.5-flash", "none", {"includeThoughts": False, "thinkingBudget": 0}),
        ("gemini-2.5-flash", "high", {"includeThoughts": True, "thinkingBudget": 24576}),
    ],
)
def test_reasoning_effort(model: str, effort: str, config: dict[str, Any]) -> None:
    value = made(model=model, reasoning_effort=effort)
    assert value["generationConfig"] == {"thinkingConfig": config}


def test_an_effort_that_has_no_budget_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"effort of gemini-2\.5-pro is one of none"):
        made(model="gemini-2.5-pro", reasoning_effort="max")


CALL = ToolCall("c1", "f", '{"a":1}')
CONVERSATION: list[Any] = [
    {"role": "developer", "content": "rules"},
    {"role": "user", "content": ["see", Image(content=b"\x89P", media_type="image/png")]},
    {"role": "user", "content": [Image(url="https://h/i.png")]},
    {"role": "assistant", "content": "", "tool_calls": (CALL,)},
    {"role": "tool", "content": '{"x": 2}', "tool_call_id": "c1"},
    {"role": "tool", "content": "[1]", "tool_call_id": "c1"},
    {"role": "tool", "content": "warm", "name": "g"},
]


def test_messages() -> None:
    value = made(CONVERSATION, model="gemini-2.5-pro")
    assert value["systemInstruction"] == {"parts": [{"text": "rules"}]}
    assert value["contents"] == [
        {
            "role": "user",
            "parts": [
                {"text": "see"},
                {"inlineData": {"mimeType": "image/png", "data": "iVA="}},
                {"fileData": {"fileUri": "https://h/i.png"}},
            ],
        },
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": 1}}}]},
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "f", "response": {"x": 2}}},
                {"functionResponse": {"name": "f", "response": {"result": [1]}}},
                {"functionResponse": {"name": "g", "response": {"result": "warm"}}},
            ],
        },
    ]


def test_calls_that_lost_their_signature_say_so_since_gemini_3() -> None:
    [sent] = made(CONVERSATION)["contents"][1]["parts"]
    assert sent["thoughtSignature"] == "skip_thought_signature_validator"


def test_system_text_alone_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="there must be a message besides the system's"):
        made([{"role": "system", "content": "rules"}])


# -- answers ----------------------------------------------------------------

COUNTS = {
    "promptTokenCount": 5,
    "candidatesTokenCount": 3,
    "thoughtsTokenCount": 12,
    "cachedContentTokenCount": 2,
    "totalTokenCount": 20,
}
TRANSCRIPTS: dict[str, tuple[bytes, list[Event]]] = {
    "thoughts and text": (
        sse(
            part(
                {"text": "Considering", "thought": True},
                usageMetadata={"promptTokenCount": 5, "totalTokenCount": 5},
            ),
            part({"text": "Hi"}),
            part({"text": " café 🦙"}, {"text": "", "thoughtSignature": "x"}),
            part({"executableCode": {}}, finish="STOP", usageMetadata=COUNTS),
        ),
        [
            Reasoning("Considering"),
            Text("Hi"),
            Text(" café 🦙"),
        ],
    ),
    "tools": (
        sse(
            part(
                {"functionCall": {"name": "f", "args": {"city": "Paris"}}, "thoughtSignature": "x"},
                {"functionCall": {"name": "g", "id": "own"}},
            ),
            {"usageMetadata": COUNTS},
            part(finish="STOP", usageMetadata=COUNTS),
        ),
        [ToolCall("call_0", "f", '{"city": "Paris"}'), ToolCall("own", "g", "{}")],
    ),
    "another answer is not mixed in": (
        sse(
            part({"text": "Hi"}),
            {"candidates": [{"index": 1, "content": {"parts": [{"text": "Ho"}]}}]},
            {"candidates": [{"finishReason": "STOP"}], "usageMetadata": COUNTS},
        ),
        [Text("Hi")],
    ),
}
COUNTED = Usage(5, 15, 20, 2, 12)


def told(events: list[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, Usage)]


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_transcript(name: str) -> None:
    answer, content = TRANSCRIPTS[name]
    finish = Finish("tool_calls" if name == "tools" else "stop", "STOP")
    for text in (answer, answer.replace(b"\r\n", b"\n")):
        events = WIRE.events(text)
        assert told(events) == [*content, finish]
        assert events[-2:] == [COUNTED, finish]


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_a_transcript_in_two_pieces_is_the_same(name: str) -> None:
    answer = TRANSCRIPTS[name][0]
    whole = WIRE.events(answer)
    for found in WIRE.in_two_pieces(answer):
        assert found == whole


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_a_transcript_cut_off_never_looks_whole_before_its_finish(name: str) -> None:
    answer = TRANSCRIPTS[name][0]
    for length, found in WIRE.cut_off(answer):
        # All but the last byte of the blank line is enough: a lone CR ends a line.
        assert isinstance(found, StreamTruncated) or length == len(answer) - 1


def test_usage_is_the_last_one_told() -> None:
    transport = ScriptedTransport({ASK: TRANSCRIPTS["thoughts and text"][0]})
    assert chat(Gemini(LOCAL), "Hi", transport, model="m").result().usage == COUNTED


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("stop", "stop"),
        ("MAX_TOKENS", "length"),
        ("CONTINUATION", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("BLOCKLIST", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("SPII", "content_filter"),
        ("MODEL_ARMOR", "content_filter"),
        ("ESCALATION", "content_filter"),
        ("PUP_LIMITED_DISABLED", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("IMAGE_PROHIBITED_CONTENT", "content_filter"),
        ("IMAGE_RECITATION", "content_filter"),
        ("NEW_WORD", "NEW_WORD"),
    ],
)
def test_reasons_are_normal_and_kept(raw: str, reason: str) -> None:
    assert WIRE.events(sse(part({"text": "a"}, finish=raw)))[-1] == Finish(reason, raw)


@pytest.mark.parametrize("index", [0, -1, 1.5, True, False, None, "1", "x", [], {}])
def test_what_is_no_index_of_another_answer_is_this_one(index: Any) -> None:
    chunk = part({"text": "a"}, finish="STOP")
    chunk["candidates"][0]["index"] = index
    assert WIRE.events(sse(chunk)) == [Text("a"), Finish("stop", "STOP")]


def test_an_answer_of_thoughts_alone_that_hit_the_limit() -> None:
    answer = sse(part(finish="MAX_TOKENS", usageMetadata={"thoughtsTokenCount": 9}))
    assert WIRE.events(answer) == [
        Usage(output_tokens=9, reasoning_tokens=9),
        Finish("length", "MAX_TOKENS"),
    ]


@pytest.mark.parametrize(
    "raw",
    [
        "MALFORMED_FUNCTION_CALL",
        "MALFORMED_RESPONSE",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MISSING_THOUGHT_SIGNATURE",
        "LANGUAGE",
        "NO_IMAGE",
        "IMAGE_OTHER",
        "OTHER",
    ],
)
def test_a_finish_that_tells_a_failure_is_one(raw: str) -> None:
    error = WIRE.error(sse(part({"text": "a"}, finish=raw)))
    assert type(error) is ProviderError
    assert (str(error), error.code) == (f"gemini: the answer ended with {raw}", raw)


def test_a_failure_in_the_services_own_words_keeps_what_came_and_its_usage() -> None:
    last = part({"text": "a"}, finish="OTHER", usageMetadata=COUNTS)
    last["candidates"][0]["finishMessage"] = "no luck"
    stream = chat(Gemini(LOCAL), "Hi", ScriptedTransport({ASK: sse(last)}), model="m")
    with pytest.raises(ProviderError, match=r"^gemini: no luck$") as caught:
        stream.result()
    assert (caught.value.partial, stream.usage) == ("a", COUNTED)


def test_a_word_of_tomorrow_that_speaks_of_a_failure_is_one() -> None:
    error = WIRE.error(sse(part({"text": "a"}, finish="UPSTREAM_ERROR")))
    assert isinstance(error, ServerError)
    assert error.code == "UPSTREAM_ERROR"


@pytest.mark.parametrize("raw", ["FINISH_REASON_UNSPECIFIED", "null", "", None, 0, True, [], {}])
def test_what_is_no_reason_ends_nothing(raw: object) -> None:
    begun = part({"text": "a"})
    begun["candidates"][0]["finishReason"] = raw
    assert isinstance(WIRE.error(sse(begun)), StreamTruncated)
    assert WIRE.events(sse(begun, part(finish="STOP"))) == [Text("a"), Finish("stop", "STOP")]


def test_what_follows_a_finish_belongs_to_the_answer_and_the_last_reason_counts() -> None:
    chunks = sse(
        part({"text": "The"}, finish="STOP"),
        part({"text": " old"}, {"text": "Hm", "thought": True}, finish="MAX_TOKENS"),
        part({"functionCall": {"name": "f"}}),
        part({"text": " lighthouse"}, finish="STOP", usageMetadata=COUNTS),
    )
    assert WIRE.events(chunks) == [
        Text("The"),
        Text(" old"),
        Reasoning("Hm"),
        ToolCall("call_0", "f", "{}"),
        Text(" lighthouse"),
        COUNTED,
        Finish("tool_calls", "STOP"),
    ]


@pytest.mark.parametrize(
    ("chunks", "may_continue"),
    [
        ([part({"text": "a"}, finish="STOP")], True),
        ([part({"text": "a"}), part({"text": "b"}, finish="STOP")], True),
        ([part({"text": "Hm", "thought": True}, finish="STOP")], True),
        ([part({"functionCall": {"name": "f"}}, finish="STOP")], True),
        ([part(finish="STOP")], True),
        ([part({"text": "a"}), part(finish="STOP")], False),
        ([part({"text": "a"}), part({"text": ""}, finish="STOP", usageMetadata=COUNTS)], False),
    ],
)
def test_a_reason_beside_text_or_before_any_may_not_be_the_last(
    chunks: list[Any], may_continue: bool
) -> None:
    transport = ScriptedTransport({ASK: sse(*chunks)})
    [*_, last] = Gemini(LOCAL).stream(request(Gemini(LOCAL), "Hi", model="m"), transport)
    assert isinstance(last, Finish)
    assert last.may_continue is may_continue


def function_call(**fields: Any) -> dict[str, Any]:
    return part({"functionCall": fields})


def partial(path: str, **value: Any) -> dict[str, Any]:
    return {"jsonPath": path, **value}


def test_a_call_in_pieces_is_one_complete_call() -> None:
    chunks = sse(
        function_call(name="f", id="own", willContinue=True),
        function_call(partialArgs=[partial("$.city", stringValue="Par", willContinue=True)])
        | {"usageMetadata": {"trafficType": "ON_DEMAND"}},
        function_call(name="g", willContinue=True),
        function_call(
            partialArgs=[partial("$.a", stringValue="Bos", willContinue=True)], willContinue=True
        ),
        function_call(partialArgs=[partial("$.a", stringValue="ton")], willContinue=True),
        function_call(),
        function_call(name="h"),
        part(finish="STOP"),
    )
    assert told(WIRE.events(chunks)) == [
        ToolCall("own", "f", '{"city": "Par"}'),
        ToolCall("call_1", "g", '{"a": "Boston"}'),
        ToolCall("call_2", "h", "{}"),
        Finish("tool_calls", "STOP"),
    ]


@pytest.mark.parametrize(
    ("pieces", "arguments"),
    [
        ([partial("$.a", stringValue="B")], {"a": "B"}),
        ([partial("$.a", stringValue="")], {"a": ""}),
        ([partial("$.a", numberValue=3), partial("$.b", numberValue=-0.5)], {"a": 3, "b": -0.5}),
        (
            [partial("$.a", boolValue=True), partial("$.b", boolValue=False)],
            {"a": True, "b": False},
        ),
        ([partial("$.a", nullValue="NULL_VALUE")], {"a": None}),
        ([partial("$.a", nullValue=None)], {"a": None}),
        (
            [
                partial("$.a.b[0].c", stringValue="x"),
                partial("$.a.b[0].d[1]", numberValue=1),
                partial("$.a.b[1]", stringValue="y"),
                partial("$.a.b[0].c", stringValue="z"),
            ],
            {"a": {"b": [{"c": "xz", "d": [None, 1]}, "y"]}},
        ),
        ([partial("$['a b']['it\\'s']", stringValue="x")], {"a b": {"it's": "x"}}),
        ([partial('$["a.b"]', stringValue="x")], {"a.b": "x"}),
        ([partial("$['\"']", stringValue="x")], {'"': "x"}),
    ],
)
def test_partial_arguments_of_every_kind(pieces: list[Any], arguments: Any) -> None:
    for cut in range(len(pieces) + 1):
        first, rest = pieces[:cut], pieces[cut:]
        chunks = sse(
            function_call(name="f", partialArgs=first, willContinue=True),
            function_call(partialArgs=rest),
            part(finish="STOP"),
        )
        call = WIRE.events(chunks)[0]
        assert isinstance(call, ToolCall)
        assert call.json() == arguments


def test_a_whole_number_is_an_integer_however_it_is_written() -> None:
    chunks = sse(
        function_call(name="f", partialArgs=[partial("$.a", numberValue=3.0)]), part(finish="STOP")
    )
    assert WIRE.events(chunks)[0] == ToolCall("call_0", "f", '{"a": 3}')


@pytest.mark.parametrize(
    "piece",
    [
        partial("a", stringValue="x"),
        partial("$", stringValue="x"),
        partial("$.*", stringValue="x"),
        partial("$..a", stringValue="x"),
        partial("$[0]", stringValue="x"),
        partial("$.b.c", stringValue="x"),
        partial("$.l[1001]", stringValue="x"),
        partial("$.l.a", stringValue="x"),
        partial("$.n", numberValue="many"),
        partial("$.n", numberValue=True),
        {"jsonPath": 1, "stringValue": "x"},
    ],
)
def test_a_partial_argument_that_cannot_be_read_is_a_protocol_error(piece: Any) -> None:
    first = [partial("$.b", stringValue="x"), partial("$.l", nullValue=None)]
    chunks = sse(
        function_call(name="f", partialArgs=first[:1], args={"l": []}, willContinue=True),
        function_call(partialArgs=[piece]),
        part(finish="STOP"),
    )
    assert isinstance(WIRE.error(chunks), ProtocolError)


def test_a_call_whose_last_piece_never_came_is_complete_when_the_model_stopped() -> None:
    begun = function_call(name="f", partialArgs=[partial("$.a", numberValue=1)], willContinue=True)
    call = ToolCall("call_0", "f", '{"a": 1}')
    assert WIRE.events(sse(begun, part(finish="STOP"))) == [call, Finish("tool_calls", "STOP")]
    following = function_call(name="g")
    assert told(WIRE.events(sse(begun, following, part(finish="STOP")))) == [
        call,
        ToolCall("call_1", "g", "{}"),
        Finish("tool_calls", "STOP"),
    ]


def test_a_call_that_was_cut_off_is_none() -> None:
    begun = function_call(name="f", partialArgs=[partial("$.a", numberValue=1)], willContinue=True)
    assert WIRE.events(sse(begun, part(finish="MAX_TOKENS"))) == [Finish("length", "MAX_TOKENS")]
    assert isinstance(WIRE.error(sse(begun)), StreamTruncated)


def test_pieces_of_a_call_are_progress_without_text() -> None:
    chunks = sse(function_call(name="f", willContinue=True), function_call(), part(finish="STOP"))
    transport = ScriptedTransport({ASK: chunks})
    items = list(Gemini(LOCAL).stream(request(Gemini(LOCAL), "Hi", model="m"), transport))
    assert items == ["", "", ToolCall("call_0", "f", "{}"), Finish("tool_calls", "STOP")]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"parts": [{"text": "a"}, {"text": 0}, {"text": " K"}]}, "a0 K"),
        ({"parts": [{"text": 1.5}]}, "1.5"),
        ({"parts": [{"text": {"a": "é"}}]}, '{"a": "é"}'),
        ({"parts": [{"text": ["a", {"type": "text", "text": "b"}]}]}, "ab"),
        ({"parts": {"text": "a"}}, "a"),
        ({"parts": "a"}, "a"),
        ({"parts": ["a", 1]}, "a1"),
        ("a", "a"),
        ([{"text": "a"}], "a"),
    ],
)
def test_text_in_any_shape_is_text(content: Any, text: str) -> None:
    chunk = {"candidates": [{"content": content}]}
    result = chat(
        Gemini(LOCAL),
        "Hi",
        ScriptedTransport({ASK: sse(chunk, part(finish="STOP"))}),
        model="m",
    ).result()
    assert result.text == text


@pytest.mark.parametrize(
    "other",
    [
        {"executableCode": {"language": "PYTHON", "code": "1"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
        {"inlineData": {"mimeType": "image/png", "data": "iVA="}},
        {"fileData": {"fileUri": "u"}},
        {"toolCall": {"toolType": "GOOGLE_SEARCH", "args": {}}},
        {"toolResponse": {"toolType": "GOOGLE_SEARCH"}},
        {"thoughtSignature": "x"},
        {"of": "tomorrow"},
        {},
    ],
)
def test_parts_of_other_kinds_are_left_out_with_a_line_in_the_log(
    other: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "g4fsync.providers")
    answer = sse(part({"text": "a"}, other, {"text": "b"}, finish="STOP"))
    assert WIRE.events(answer) == [Text("a"), Text("b"), Finish("stop", "STOP")]
    assert [record.getMessage() for record in caplog.records] == [
        f"left out: part {', '.join(other)!r} of type dict"
    ]


@pytest.mark.parametrize("as_list", [True, False])
def test_a_plain_json_answer_to_a_request_for_a_stream(as_list: bool) -> None:
    value = part({"text": "Hi"}, finish="STOP")
    answer = json.dumps([part({"text": "Oh "}), value] if as_list else value).encode()
    events = WIRE.events(answer, headers=JSON)
    assert events == [*([Text("Oh ")] if as_list else []), Text("Hi"), Finish("stop", "STOP")]


# -- errors -----------------------------------------------------------------


def test_a_blocked_prompt_is_an_error() -> None:
    value = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {}}
    for error in (
        WIRE.error(sse(value)),
        WIRE.error(json.dumps(value).encode(), headers=JSON),
    ):
        assert isinstance(error, ContentFiltered)
        assert (str(error), error.code) == ("gemini: the prompt was blocked: SAFETY", "SAFETY")


def test_a_blocked_prompt_with_the_services_own_words() -> None:
    feedback = {"blockReason": "MODEL_ARMOR", "blockReasonMessage": "Blocked by policy."}
    error = WIRE.error(sse({"promptFeedback": feedback}))
    assert isinstance(error, ContentFiltered)
    assert str(error) == "gemini: the prompt was blocked: MODEL_ARMOR (Blocked by policy.)"


def test_feedback_without_a_reason_blocks_nothing() -> None:
    for reason in (None, "", "BLOCK_REASON_UNSPECIFIED", "BLOCKED_REASON_UNSPECIFIED"):
        value = part({"text": "a"}, finish="STOP", promptFeedback={"blockReason": reason})
        assert WIRE.events(sse(value)) == [Text("a"), Finish("stop", "STOP")]


def test_chunks_in_a_list_are_chunks() -> None:
    answer = sse([part({"text": "a"}), part({"text": "b"}, finish="STOP")])
    assert WIRE.events(answer) == [Text("a"), Text("b"), Finish("stop", "STOP")]


BUSY = {"error": {"code": 503, "message": "boom", "status": "UNAVAILABLE"}}


@pytest.mark.parametrize(
    "tail",
    [
        json.dumps(BUSY, indent=2).encode(),
        json.dumps(BUSY, indent=2).encode() + b"\n\n",
        json.dumps([BUSY], indent=1).encode(),
        sse(BUSY),
        sse([BUSY]),
    ],
)
def test_an_error_inside_the_stream(tail: bytes) -> None:
    transport = ScriptedTransport({ASK: sse(part({"text": "Hi"})) + tail})
    with pytest.raises(ServerError, match="gemini: boom") as caught:
        chat(Gemini(LOCAL), "Hi", transport, model="m").result()
    assert (caught.value.partial, caught.value.code) == ("Hi", "UNAVAILABLE")


@pytest.mark.parametrize(
    ("code", "status", "kind", "retryable"),
    [
        (400, "INVALID_ARGUMENT", ProviderError, False),
        (403, "PERMISSION_DENIED", AuthenticationError, False),
        (404, "NOT_FOUND", ProviderError, False),
        (429, "RESOURCE_EXHAUSTED", RateLimited, True),
        (500, "INTERNAL", ServerError, True),
        (503, "UNAVAILABLE", ServerError, True),
        (504, "DEADLINE_EXCEEDED", ServerError, True),
    ],
)
@pytest.mark.parametrize("as_list", [True, False])
def test_a_refusal_by_status(
    code: int, status: str, kind: type[G4FSyncError], retryable: bool, as_list: bool
) -> None:
    value: Any = {"error": {"code": code, "message": "m", "status": status}}
    answer = json.dumps([value] if as_list else value).encode()
    error = WIRE.error(answer, status=code, headers=JSON)
    assert (type(error), error.retryable) == (kind, retryable)


def test_a_wrong_key_is_an_authentication_error() -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
    error = {
        "code": 400,
        "message": "API key not valid.",
        "status": "INVALID_ARGUMENT",
        "details": details,
    }
    transport = ScriptedTransport({ASK: Reply({"error": error}, status=400)}, api_key="k")
    with pytest.raises(AuthenticationError) as caught:
        chat(Gemini(), "Hi", transport, model="m").result()
    assert str(caught.value) == (
        "gemini: HTTP 400: API key not valid. "
        "(set GEMINI_API_KEY, or give Client(api_keys={'gemini': ...}))"
    )


def test_a_daily_quota_is_not_worth_a_retry() -> None:
    violations = [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel"}]
    error = {"code": 429, "message": "m", "details": [{"violations": violations}]}
    failure = WIRE.error(json.dumps({"error": error}).encode(), status=429, headers=JSON)
    assert (type(failure), failure.retryable) == (RateLimited, False)


def test_a_too_long_prompt_has_a_code_of_its_own() -> None:
    message = "The input token count (9) exceeds the maximum number of tokens allowed (8)."
    error = {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}
    failure = WIRE.error(json.dumps({"error": error}).encode(), status=400, headers=JSON)
    assert isinstance(failure, ProviderError)
    assert failure.code == "context_length_exceeded"


@pytest.mark.parametrize(
    "value",
    [
        "Hi",
        {"candidates": ["Hi"]},
        part({"functionCall": "f"}),
        part({"functionCall": {"args": {"a": 1}}}),
        part({"functionCall": {"name": "f", "partialArgs": [{"stringValue": "b"}]}}),
        part({"functionCall": {"name": "f", "partialArgs": "b"}}),
    ],
)
def test_another_shape_is_a_protocol_error(value: object) -> None:
    assert isinstance(WIRE.error(sse(value, part(finish="STOP"))), ProtocolError)


# -- models -----------------------------------------------------------------


def test_the_list_of_models_is_read_page_by_page() -> None:
    first = {"models": [{"name": "models/a"}], "nextPageToken": "t"}
    transport = ScriptedTransport(
        {"GET /models": (first, {"models": [{"name": "models/b"}]})}, api_key="k"
    )
    assert Gemini().list_models(transport) == ["a", "b"]
    assert [sent.params for sent in transport.requests] == [
        {"pageSize": "1000"},
        {"pageSize": "1000", "pageToken": "t"},
    ]
    assert transport.requests[0].headers["x-goog-api-key"] == "k"
