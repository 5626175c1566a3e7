"""What users of this trade reported, each as a short input with what is right.

The answers travel over a real connection, in the pieces they are given in.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from g4fsync import G4FSyncError
from g4fsync.events import Usage
from tests.support.answers import (
    JSON,
    LINES,
    SSE,
    Answer,
    Pieces,
    call,
    called,
    chunk,
    counted,
    events,
    far_side,
    lane,
    message,
    part,
    read,
)

pytestmark = pytest.mark.usefixtures("no_proxy_variables")

DONE = "[DONE]"
USAGE = Usage(5, 2, 7)
CITY = ("weather", {"city": "B"})

ROWS: dict[str, tuple[str, str, Pieces, Answer]] = {
    # -- what follows a finish reason --
    "text goes on behind a finish reason, and each chunk has one (a gateway before Gemini)": (
        "openai",
        SSE,
        [events(chunk("I am", "stop"), chunk(" a large", "stop"), chunk(" model.", "stop"), DONE)],
        Answer("I am a large model."),
    ),
    "the same, each chunk in a piece of its own": (
        "openai",
        SSE,
        [
            events(chunk("I am", "stop")),
            0.05,
            events(chunk(" a large", "stop")),
            0.05,
            events(chunk(" model.", "stop"), DONE),
        ],
        Answer("I am a large model."),
    ),
    "Gemini says STOP with each part, and thinks for more than a second between them": (
        "gemini",
        SSE,
        [events(part("The", "STOP")), 1.4, events(part(" old lighthouse", "STOP"))],
        Answer("The old lighthouse"),
    ),
    "a finish reason after each tool call (Together)": (
        "together",
        SSE,
        [
            events(
                chunk(**call(0, "weather", '{"city":"B"}')),
                chunk(finish="tool_calls"),
                chunk(**call(1, "time")),
                chunk(finish="tool_calls"),
                DONE,
            )
        ],
        Answer(calls=(CITY, ("time", {})), finish="tool_calls"),
    ),
    "an empty finish reason, then usage in a chunk of its own (Snowflake)": (
        "openai",
        SSE,
        [events(chunk("4", ""), {"choices": [], "usage": counted()}, DONE)],
        Answer("4", finish=None, usage=USAGE),
    ),
    "the finish reason comes before the text": (
        "openai",
        SSE,
        [events(chunk(finish="stop"), chunk("Hel"), chunk("lo"), DONE)],
        Answer("Hello"),
    ),
    "the finish reason comes with a thought, the text after it": (
        "openai",
        SSE,
        [events(chunk(None, "stop", reasoning_content="hm"), chunk("Hello"), DONE)],
        Answer("Hello", "hm"),
    ),
    "the finish reason is the text null, until the last chunk": (
        "openai",
        SSE,
        [events(chunk("Hel", "null"), chunk("lo", "null"), chunk("", "length"), DONE)],
        Answer("Hello", finish="length"),
    ),
    "no finish reason with a tool call: usage and then [DONE] is the end (Novita)": (
        "openrouter",
        SSE,
        [
            events(
                chunk(**call(0, "weather", '{"city":"B"}')), chunk("") | {"usage": counted()}, DONE
            )
        ],
        Answer(calls=(CITY,), finish=None, usage=USAGE),
    ),
    "no finish reason with audio: usage, one more chunk, then [DONE] is the end": (
        "openai",
        SSE,
        [
            events(
                chunk(audio={"transcript": "Hi"}),
                {"choices": [], "usage": counted()},
                chunk(audio={"expires_at": 1}) | {"usage": None},
                DONE,
            )
        ],
        Answer(finish=None, usage=USAGE),
    ),
    "[DONE] alone, without a finish reason or usage, is no end (llama-cpp-python)": (
        "openai",
        SSE,
        [events(chunk("I am cut"), DONE)],
        Answer("I am cut", finish=None, error="StreamTruncated"),
    ),
    "the last chunk has text and the reason, and no blank line follows [DONE]": (
        "openai",
        SSE,
        [events(chunk("Hel"), chunk("lo", "stop")), b"data: [DONE]\n"],
        Answer("Hello"),
    ),
    # -- a failed end passes for complete --
    "a finish reason that tells of a network error (GLM)": (
        "openai",
        SSE,
        [events(chunk("The first three steps are"), chunk("", "network_error"), DONE)],
        Answer("The first three steps are", finish=None, error="ServerError", code="network_error"),
    ),
    "a finish reason that tells of a time-out, however it is spelled": (
        "openai",
        SSE,
        [events(chunk("One"), chunk("", "request_timed_out"), DONE)],
        Answer("One", finish=None, error="ServerError", code="request_timed_out"),
    ),
    "a finish reason that nobody knows is kept": (
        "openai",
        SSE,
        [events(chunk("One"), chunk("", "ran_dry"), DONE)],
        Answer("One", finish="ran_dry"),
    ),
    # -- a closing message is taken for a delta --
    "a complete message at the end repeats what the deltas gave (MiniMax, one-api)": (
        "openai",
        SSE,
        [events(chunk("Hello"), chunk(" there"), message("Hello there"), DONE)],
        Answer("Hello there"),
    ),
    "a complete message is all that came": (
        "openai",
        SSE,
        [events(message("Hello there") | {"usage": counted()}, DONE)],
        Answer("Hello there", usage=USAGE),
    ),
    "a complete message repeats a tool call and a thought too": (
        "openai",
        SSE,
        [
            events(
                chunk(None, reasoning_content="hm"),
                chunk(**call(0, "weather", '{"city":"B"}')),
                message(
                    None,
                    "tool_calls",
                    reasoning_content="hm",
                    **call(0, "weather", '{"city":"B"}'),
                ),
                DONE,
            )
        ],
        Answer("", "hm", (CITY,), "tool_calls"),
    ),
    # -- a side field or a label of another shape --
    "a token that is a zero comes as a number (Workers AI)": (
        "openai",
        SSE,
        [events(chunk("about "), chunk(0), chunk(" K"), chunk("", "stop"), DONE)],
        Answer("about 0 K"),
    ),
    "a token that is a digit comes as a number": (
        "openai",
        SSE,
        [events(chunk("see ["), chunk(1), chunk("]."), chunk("", "stop"), DONE)],
        Answer("see [1]."),
    ),
    "an empty data line between the chunks keeps the answer alive": (
        "openai",
        SSE,
        [events(chunk("Hel")), b"data:\n\n", b"data: \n\n", events(chunk("lo", "stop"), DONE)],
        Answer("Hello"),
    ),
    "a ping event with empty data": (
        "openai",
        SSE,
        [events(chunk("Hel")), b"event: ping\ndata: \n\n", events(chunk("lo", "stop"), DONE)],
        Answer("Hello"),
    ),
    "empty data before the first event, at Anthropic's protocol": (
        "anthropic",
        SSE,
        [
            b"data:\n\n",
            events(
                {
                    "type": "content_block_delta",
                    "index": 0,
                    "delta": {"type": "text_delta", "text": "Hi"},
                },
                {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
                {"type": "message_stop"},
            ),
        ],
        Answer("Hi"),
    ),
    "reasoning in reasoning_details alone (OpenRouter, Snowflake)": (
        "openrouter",
        SSE,
        [
            events(
                chunk("", reasoning_details=[{"type": "reasoning.text", "text": "hm"}]),
                chunk("Hi", "stop"),
                DONE,
            )
        ],
        Answer("Hi", "hm"),
    ),
    "reasoning_details beside the reasoning say the same once": (
        "openrouter",
        SSE,
        [
            events(
                chunk(
                    "", reasoning="hm", reasoning_details=[{"type": "reasoning.text", "text": "hm"}]
                ),
                chunk("Hi", "stop"),
                DONE,
            )
        ],
        Answer("Hi", "hm"),
    ),
    "reasoning is an object": (
        "openai",
        SSE,
        [events(chunk("Hi", "stop", reasoning={"effort": "low", "tokens": 3}), DONE)],
        Answer("Hi"),
    ),
    "cached tokens in Mistral's word": (
        "mistral",
        JSON,
        [json.dumps(message("Hi") | {"usage": counted(num_cached_tokens=4)}).encode()],
        Answer("Hi", usage=Usage(5, 2, 7, cached_tokens=4)),
    ),
    "cached tokens in the word of Together, Hugging Face and Moonshot": (
        "together",
        SSE,
        [events(chunk("Hi", "stop") | {"usage": counted(cached_tokens=4)}, DONE)],
        Answer("Hi", usage=Usage(5, 2, 7, cached_tokens=4)),
    ),
    "usage stands inside the choice": (
        "openai",
        SSE,
        [
            events(
                {
                    "choices": [
                        {
                            "index": 0,
                            "delta": {"content": "Hi"},
                            "finish_reason": "stop",
                            "usage": counted(),
                        }
                    ]
                },
                DONE,
            )
        ],
        Answer("Hi", usage=USAGE),
    ),
    "completion tokens leave the reasoning out, the total does not (xAI)": (
        "xai",
        SSE,
        [
            events(
                chunk("Hi", "stop")
                | {
                    "usage": {
                        "prompt_tokens": 291,
                        "completion_tokens": 26,
                        "total_tokens": 506,
                        "completion_tokens_details": {"reasoning_tokens": 189},
                    }
                },
                DONE,
            )
        ],
        Answer("Hi", usage=Usage(291, 215, 506, reasoning_tokens=189)),
    ),
    "content blocks stand inside message_start (Anthropic)": (
        "anthropic",
        SSE,
        [
            events(
                {
                    "type": "message_start",
                    "message": {
                        "stop_reason": "tool_use",
                        "content": [
                            {"type": "text", "text": "Let me see."},
                            {
                                "type": "tool_use",
                                "id": "t",
                                "name": "weather",
                                "input": {"city": "B"},
                            },
                        ],
                        "usage": {"input_tokens": 5, "output_tokens": 2},
                    },
                },
                {"type": "message_stop"},
            )
        ],
        Answer("Let me see.", calls=(CITY,), finish="tool_calls", usage=USAGE),
    ),
    "the arguments of a call come in pieces (Gemini)": (
        "gemini",
        SSE,
        [
            events(
                called({"name": "weather", "willContinue": True}),
                called({"partialArgs": [{"jsonPath": "$.city", "stringValue": "B"}]}),
                called({}, finish="STOP"),
            )
        ],
        Answer(calls=(CITY,), finish="tool_calls"),
    ),
    "text in two pieces of one string argument (Gemini)": (
        "gemini",
        SSE,
        [
            events(
                called({"name": "f", "willContinue": True}),
                called(
                    {
                        "partialArgs": [
                            {"jsonPath": "$.a", "stringValue": "Bo", "willContinue": True}
                        ],
                        "willContinue": True,
                    }
                ),
                called({"partialArgs": [{"jsonPath": "$.a", "stringValue": "b"}]}, finish="STOP"),
            )
        ],
        Answer(calls=(("f", {"a": "Bob"}),), finish="tool_calls"),
    ),
    "the last line of an answer in lines has no newline (FlowGpt)": (
        "flowgpt",
        LINES,
        [b'{"event":"text","data":"Hel"}\n{"event":"text","data":"lo"}'],
        Answer("Hello", finish=None),
    ),
    "a stream is labelled as JSON": (
        "openai",
        JSON,
        [events(chunk("Hi", "stop"), DONE)],
        Answer("Hi"),
    ),
    "JSON is labelled as a stream": (
        "openai",
        SSE,
        [json.dumps(message("Hi") | {"usage": counted()}).encode()],
        Answer("Hi", usage=USAGE),
    ),
    "lines are labelled as a stream (Ollama behind a proxy)": (
        "ollama",
        SSE,
        [b'{"message":{"content":"Hi"}}\n{"message":{},"done":true,"done_reason":"stop"}\n'],
        Answer("Hi"),
    ),
    "two text parts": (
        "openai",
        SSE,
        [
            events(
                chunk([{"type": "text", "text": "H"}, {"type": "text", "text": "i"}], "stop"), DONE
            )
        ],
        Answer("Hi"),
    ),
    "annotations, log-probabilities and audio of any shape": (
        "openai",
        SSE,
        [
            events(
                chunk("Hi", annotations=[{"type": "url_citation"}], audio=5),
                {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "logprobs": [1]}]},
                DONE,
            )
        ],
        Answer("Hi"),
    ),
    "usage of another shape": (
        "openai",
        SSE,
        [events(chunk("Hi", "stop") | {"usage": "much"}, DONE)],
        Answer("Hi"),
    ),
    "totals that are not sent are the sum (Anthropic)": (
        "anthropic",
        JSON,
        [
            json.dumps(
                {
                    "type": "message",
                    "content": [{"type": "text", "text": "Hi"}],
                    "stop_reason": "end_turn",
                    "usage": {"input_tokens": 5, "output_tokens": 2},
                }
            ).encode()
        ],
        Answer("Hi", usage=USAGE),
    ),
    "totals that are not sent are the sum (Ollama)": (
        "ollama",
        LINES,
        [
            b'{"message":{"content":"Hi"}}\n'
            b'{"message":{},"done":true,"done_reason":"stop","prompt_eval_count":5,"eval_count":2}\n'
        ],
        Answer("Hi", usage=USAGE),
    ),
}


@pytest.mark.parametrize(("provider", "media_type", "pieces", "right"), ROWS.values(), ids=ROWS)
def test_what_a_service_sends_is_read(
    provider: str, media_type: str, pieces: Pieces, right: Answer
) -> None:
    assert read(provider, media_type, *pieces) == right


@pytest.mark.parametrize(("provider", "media_type", "pieces", "right"), ROWS.values(), ids=ROWS)
def test_it_is_read_alike_byte_by_byte(
    provider: str, media_type: str, pieces: Pieces, right: Answer
) -> None:
    body = b"".join(piece for piece in pieces if isinstance(piece, bytes))
    assert read(provider, media_type, *(bytes([byte]) for byte in body)) == right


def test_an_object_as_text_is_its_json() -> None:
    got = read("openai", SSE, events(chunk({"a": [1, "é"]}, "stop"), DONE))
    assert json.loads(got.text) == {"a": [1, "é"]}
    assert got.finish == "stop"


# -- what the caller gives ---------------------------------------------------

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": ["string", "null"]}},
    "required": ["city"],
    "additionalProperties": False,
}
FUNCTION: dict[str, Any] = {"name": "get_weather", "parameters": SCHEMA}
TOOL = {"type": "function", "function": FUNCTION}
STRICT = {"type": "function", "function": {**FUNCTION, "strict": True}}
THOUGHT: list[dict[str, Any]] = [
    {"role": "user", "content": "Weather?"},
    {
        "role": "assistant",
        "content": "",
        "reasoning_content": "They want it.",
        "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        ],
    },
    {"role": "tool", "tool_call_id": "c", "content": "sun"},
]
ENDS: dict[str, tuple[str, bytes]] = {
    "openai": (SSE, events(chunk("Hi", "stop"), DONE)),
    "anthropic": (
        SSE,
        events(
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
            {"type": "message_stop"},
        ),
    ),
    "gemini": (SSE, events(part("Hi", "STOP"))),
    "ollama": (LINES, b'{"message":{"content":"Hi"},"done":true,"done_reason":"stop"}\n'),
}


def sent(provider: str, messages: Any, **options: Any) -> Any:
    """The body of the request that went over the wire."""
    media_type, body = ENDS.get(provider, ENDS["openai"])
    with far_side(media_type, [body]) as server, lane(provider, server.url) as client:
        client.ask(messages, **options)
        return json.loads(server.requests[0].body)


def refused(provider: str, messages: Any, **options: Any) -> str:
    """The message of the error, raised before anything is sent."""
    media_type, body = ENDS.get(provider, ENDS["openai"])
    with far_side(media_type, [body]) as server, lane(provider, server.url) as client:
        with pytest.raises(G4FSyncError) as caught:
            client.ask(messages, **options)
        assert type(caught.value).__name__ == "InvalidRequest"
        assert server.requests == []
        return str(caught.value)


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_a_thought_of_an_earlier_turn_is_sent_back(name: str) -> None:
    turn = dict(THOUGHT[1])
    turn[name] = turn.pop("reasoning_content")
    history = [THOUGHT[0], turn, THOUGHT[2]]
    provider = "deepseek" if name == "reasoning_content" else "openrouter"
    assert sent(provider, history)["messages"][1][name] == "They want it."


def test_reasoning_details_of_an_earlier_turn_are_sent_back() -> None:
    details = [{"type": "reasoning.text", "text": "hm", "signature": "s"}]
    history = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    history.append({"role": "user", "content": "c"})
    turn: Any = {**history[1], "reasoning_details": details}
    body = sent("openrouter", [history[0], turn, history[2]])
    assert body["messages"][1]["reasoning_details"] == details


def test_strict_is_sent_where_the_protocol_has_it() -> None:
    assert sent("openai", "Hi", tools=[STRICT])["tools"] == [STRICT]
    [tool] = sent("anthropic", "Hi", tools=[STRICT])["tools"]
    assert (tool["strict"], tool["input_schema"]) == (True, SCHEMA)


@pytest.mark.parametrize("provider", ["gemini", "ollama"])
def test_strict_is_refused_by_its_name_where_the_protocol_lacks_it(provider: str) -> None:
    reason = refused(provider, "Hi", tools=[STRICT])
    assert f"tools[0].function: {provider} has no 'strict'" in reason


def test_cache_control_of_a_part_and_of_a_tool_is_sent_to_anthropic() -> None:
    cache = {"type": "ephemeral"}
    content = [{"type": "text", "text": "long", "cache_control": cache}]
    tool = {**TOOL, "cache_control": cache}
    body = sent("anthropic", [{"role": "user", "content": content}], tools=[tool])
    assert body["messages"][0]["content"] == content
    assert body["tools"][0]["cache_control"] == cache


def test_mistrals_prefix_is_sent() -> None:
    history = [
        {"role": "user", "content": "A poem"},
        {"role": "assistant", "content": "Roses", "prefix": True},
    ]
    assert sent("mistral", history)["messages"][1] == history[1]


def test_the_detail_of_an_image_is_sent() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://e.example/a.png", "detail": "low"}}
    body = sent("openai", [{"role": "user", "content": [image]}])
    assert body["messages"][0]["content"] == [image]


@pytest.mark.parametrize("provider", ["gemini", "ollama"])
def test_a_member_that_the_protocol_lacks_is_refused_by_its_name(provider: str) -> None:
    turn = {"role": "assistant", "content": "Roses", "prefix": True}
    history = [{"role": "user", "content": "A poem"}, turn, {"role": "user", "content": "go on"}]
    assert "prefix" in refused(provider, history)


def test_the_signature_of_a_call_comes_back_to_gemini() -> None:
    first = events(
        {
            "candidates": [
                {
                    "content": {
                        "parts": [
                            {
                                "functionCall": {"name": "f", "args": {"a": 1}},
                                "thoughtSignature": "sig",
                            }
                        ]
                    },
                    "finishReason": "STOP",
                }
            ]
        }
    )
    with far_side(SSE, [first]) as server, lane("gemini", server.url) as client:
        history: list[Any] = [{"role": "user", "content": "Hi"}]
        result = client.ask(history)
        history.append(result)
        [asked] = result.tool_calls
        history.append({"role": "tool", "tool_call_id": asked.id, "content": "1"})
        client.ask(history, model="gemini:gemini-3-pro")
        body = json.loads(server.requests[1].body)
    [back] = body["contents"][1]["parts"]
    assert back["thoughtSignature"] == "sig"
    assert back["functionCall"]["args"] == {"a": 1}


FORMAT = {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": SCHEMA}}


def test_a_schema_goes_to_gemini_in_the_fields_for_json_schemas() -> None:
    body = sent("gemini", "Hi", tools=[TOOL], response_format=FORMAT)
    [declared] = body["tools"][0]["functionDeclarations"]
    assert declared == {"name": "get_weather", "parametersJsonSchema": SCHEMA}
    assert body["generationConfig"] == {
        "responseMimeType": "application/json",
        "responseJsonSchema": SCHEMA,
    }


def test_a_bare_schema_is_a_response_format_for_all() -> None:
    places: dict[str, Callable[[Any], Any]] = {
        "openai": lambda body: body["response_format"]["json_schema"]["schema"],
        "anthropic": lambda body: body["output_config"]["format"]["schema"],
        "gemini": lambda body: body["generationConfig"]["responseJsonSchema"],
        "ollama": lambda body: body["format"],
    }
    for provider, place in places.items():
        assert place(sent(provider, "Hi", response_format=SCHEMA)) == SCHEMA
