"""What public threads of this trade report of answers, as short inputs with what is right.

Each row names the thread that tells of it (repository#number).  The bytes are
its kind written anew.
"""

from __future__ import annotations

import json
import re
from typing import Any, cast

import pytest

from g4fsync import registry
from g4fsync.events import Usage
from g4fsync.providers.anthropic import Anthropic
from g4fsync.providers.base import Provider
from g4fsync.providers.gemini import Gemini
from g4fsync.providers.ollama import Ollama
from g4fsync.providers.openai import OpenAI
from g4fsync.testing import Reply, ScriptedTransport, chat, request
from tests.support.answers import (
    JSON,
    LINES,
    SSE,
    Answer,
    answered,
    chunk,
    counted,
    events,
    frame,
    message,
    part,
)

LOCAL = "http://127.0.0.1:8080"
FAR_SIDES: dict[str, tuple[Provider, str]] = {
    "openai": (OpenAI(LOCAL), "POST /chat/completions"),
    "responses": (OpenAI(LOCAL, api="responses"), "POST /responses"),
    "anthropic": (Anthropic(LOCAL), "POST /v1/messages"),
    "gemini": (Gemini(LOCAL), "POST /models/m:streamGenerateContent"),
    "ollama": (Ollama(LOCAL), "POST /api/chat"),
}
DONE = "[DONE]"
USAGE = Usage(5, 2, 7)
F, G = ("f", {"x": 1}), ("g", {"y": 2})
CALLED, CALLED_TWICE = (
    Answer(calls=(F,), finish="tool_calls"),
    Answer(calls=(F, G), finish="tool_calls"),
)
HELLO = Answer("Hello")
HEL, LO = chunk("Hel"), chunk("lo", "stop")


def piece(name: str | None = None, arguments: Any = None, **members: Any) -> dict[str, Any]:
    """A piece of a tool call."""
    given = {"name": name, "arguments": arguments}
    return {**members, "function": {key: v for key, v in given.items() if v is not None}}


def calling(*deltas: list[Any], finish: str = "tool_calls") -> bytes:
    chunks = [chunk(tool_calls=pieces) for pieces in deltas]
    return events(*chunks, chunk(finish=finish), DONE)


def failed(text: str, kind: str = "ProviderError", code: str | None = None) -> Answer:
    return Answer(text, finish=None, error=kind, code=code)


def lines(*values: Any) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def forgotten(*values: Any) -> bytes:
    """Events without the blank lines between them."""
    return b"".join(frame(value)[:-1] for value in values)


OPENAI: dict[str, tuple[bytes, Answer]] = {
    # -- tool calls --
    "two calls of one index, neither has an id (huggingface/smolagents#1958)": (
        calling([piece("f", '{"x":1}', index=0)], [piece("g", '{"y":2}', index=0)]),
        CALLED_TWICE,
    ),
    "two calls of one function, one index and no id (huggingface/smolagents#1958)": (
        calling([piece("f", '{"x":1}', index=0)], [piece("f", '{"x":2}', index=0)]),
        Answer(calls=(F, ("f", {"x": 2})), finish="tool_calls"),
    ),
    "two calls of one index, their pieces in turns by id (LibreChat-AI/agents#260)": (
        calling(
            [piece("f", '{"x":', index=0, id="a")],
            [piece("g", '{"y":', index=0, id="b")],
            [piece(None, "1}", index=0, id="a")],
            [piece(None, "2}", index=0, id="b")],
        ),
        CALLED_TWICE,
    ),
    "two calls without an index, their pieces in turns by id (jin-bo/agentao#117)": (
        calling(
            [piece("f", '{"x":', id="a")],
            [piece("g", '{"y":', id="b")],
            [piece(None, "1}", id="a")],
            [piece(None, "2}", id="b")],
        ),
        CALLED_TWICE,
    ),
    "a placeholder, then the arguments (openai/openai-agents-js#712)": (
        calling(
            [piece("f", "{}", index=0, id="a")],
            [piece(None, '{"x":', index=0)],
            [piece(None, "1}", index=0)],
        ),
        CALLED,
    ),
    "all arguments once more (mudler/cogito#66)": (
        calling([piece("f", '{"x":1}', index=0, id="a")], [piece(None, '{"x": 1}', index=0)]),
        CALLED,
    ),
    "id and name in each piece (SillyTavern/SillyTavern#5948)": (
        calling(
            [piece("f", "", index=0, id="a")],
            [piece("f", '{"x":', index=0, id="a")],
            [piece("f", "1}", index=0, id="a")],
        ),
        CALLED,
    ),
    "an id that is the text null in later pieces (zed-industries/zed#53605)": (
        calling(
            [piece("f", "", index=0, id="WcG8xhSs1")],
            [piece("", '{"x":', index=0)],
            [piece("", "1}", index=0, id="null")],
        ),
        CALLED,
    ),
    "two calls of one index whose ids are the text null (mistralai/client-js#69)": (
        calling(
            [piece("f", '{"x":1}', index=0, id="null")], [piece("g", '{"y":2}', index=0, id="null")]
        ),
        CALLED_TWICE,
    ),
    "an id that is a number, and a call that is null": (
        calling([None, piece("f", '{"x":1}', index=1, id=17)]),
        CALLED,
    ),
    "one call without a list": (
        events(chunk("", "tool_calls", tool_calls=piece("f", '{"x":1}', id="a")), DONE),
        CALLED,
    ),
    "name and arguments beside the id, without a function": (
        calling([{"index": 0, "id": "a", "name": "f", "arguments": {"x": 1}}]),
        CALLED,
    ),
    "Anthropic's reason for calls (ferro-labs/ai-gateway#142)": (
        calling([piece("f", '{"x":1}', index=0, id="a")], finish="tool_use"),
        CALLED,
    ),
    # -- reasons --
    "Anthropic's reason (vercel/modelfusion#343)": (events(chunk("Hello", "end_turn")), HELLO),
    "Gemini's reason (QwenLM/qwen-code#9884)": (events(HEL, chunk("lo", "STOP"), DONE), HELLO),
    "Gemini's reason for a limit (QwenLM/qwen-code#9884)": (
        events(chunk("Hello", "MAX_TOKENS"), DONE),
        Answer("Hello", finish="length"),
    ),
    "a reason in an object (sgl-project/sglang#2013)": (
        events(HEL, chunk("lo", {"type": "stop", "matched": 2}), DONE),
        HELLO,
    ),
    "a failure's reason in an object (sgl-project/sglang#2956)": (
        events(HEL, chunk("", {"type": "abort", "message": "aborted"}), DONE),
        failed("Hel", "ServerError", "abort"),
    ),
    "a reason with a hyphen (8monkey-ai/hebo-platform#90)": (
        events(chunk("Hello", "content-filter"), DONE),
        Answer("Hello", finish="content_filter"),
    ),
    # -- chunks of another shape --
    "null between chunks (Kilo-Org/kilocode#3083)": (events(HEL, "null", LO, DONE), HELLO),
    "null after the end (Kilo-Org/kilocode#3083)": (events(HEL, LO, "null"), HELLO),
    "chunks in a wrapping (smallmain/vscode-unify-chat-provider#71)": (
        events({"code": 0, "msg": "ok", "data": HEL}, {"code": 0, "msg": "ok", "data": LO}, DONE),
        HELLO,
    ),
    "an index that is text": (
        events({"choices": [{"index": "0", "delta": {"content": "Hel"}}]}, LO, DONE),
        HELLO,
    ),
    "one choice without a list": (events({"choices": HEL["choices"][0]}, LO, DONE), HELLO),
    "text in the place of older completions (langgenius/dify#2270)": (
        events(
            {"choices": [{"index": 0, "text": "Hel"}]},
            {"choices": [{"index": 0, "text": "lo", "finish_reason": "stop"}]},
        ),
        HELLO,
    ),
    "all text once more beside the last delta (langgenius/dify#2270)": (
        events(
            HEL,
            chunk("lo"),
            {"choices": [{"delta": {}, "text": "Hello", "finish_reason": "stop"}]},
        ),
        HELLO,
    ),
    "text and a call in two choices (ericc-ch/copilot-api#81)": (
        events(
            {
                "choices": [
                    {"delta": {"content": "Hello"}, "finish_reason": "tool_calls"},
                    {
                        "delta": {"tool_calls": [piece("f", '{"x":1}', id="a")]},
                        "finish_reason": "tool_calls",
                    },
                ]
            },
            DONE,
        ),
        Answer("Hello", calls=(F,), finish="tool_calls"),
    ),
    "a thought as a part with a summary (posit-dev/chatlas#397)": (
        events(
            chunk([{"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm"}]}]),
            chunk([{"type": "text", "text": "Hello"}], "stop"),
            DONE,
        ),
        Answer("Hello", "Hm"),
    ),
    "thoughts once more in details of their own (Alishahryar1/free-claude-code#1274)": (
        events(
            chunk("", reasoning="Hm"),
            chunk("", reasoning_details=[{"type": "reasoning.text", "text": "Hm"}]),
            HEL,
            LO,
        ),
        Answer("Hello", "Hm"),
    ),
    "thoughts in LiteLLM's blocks alone": (
        events(chunk("", thinking_blocks=[{"type": "thinking", "thinking": "Hm"}]), HEL, LO, DONE),
        Answer("Hello", "Hm"),
    ),
    "a last count that lacks the details of one before (BerriAI/litellm#33054)": (
        events(
            HEL | {"usage": counted(prompt_tokens_details={"cached_tokens": 4})},
            LO | {"usage": counted(prompt_tokens_details=None)},
            DONE,
        ),
        Answer("Hello", usage=Usage(5, 2, 7, cached_tokens=4)),
    ),
    # -- events of another shape --
    "blank lines forgotten (Kilo-Org/kilocode#3083)": (
        forgotten(HEL, "null", chunk("lo"), chunk(finish="stop"), DONE),
        HELLO,
    ),
    "blank lines forgotten, the last line not ended": (forgotten(HEL, LO, DONE)[:-1], HELLO),
    "one value over many lines, as it may be (SamSaffron/term-llm#454)": (
        json.dumps(HEL, indent=1).replace("\n", "\ndata: ").join(("data: ", "\n\n")).encode()
        + events(LO, DONE),
        HELLO,
    ),
    "a prefix in the data (Helicone/ai-gateway#137)": (
        b"data: " + frame(HEL) + b"data: " + frame(LO) + b"data: " + frame(DONE),
        HELLO,
    ),
    "an event that keeps alive, with a time (missuo/FreeGPT35#29)": (
        events(HEL) + b"event: ping\ndata: 2024-04-07 20:20:50.554328\n\n" + events(LO, DONE),
        HELLO,
    ),
    "an event that says it is the end": (
        events(HEL, LO) + b"event: close\ndata: stream closed\n\n",
        HELLO,
    ),
    "the end in blanks, the end in small letters (kubernetes-sigs/inference-perf#781)": (
        events(HEL, LO) + b"data:   [DONE]  \n\n",
        HELLO,
    ),
    "the end in small letters": (events(HEL, LO, "[done]"), HELLO),
    # -- failures in the answer --
    "words after the name of an error (octos-org/octos#13)": (
        events(HEL) + b"event: error\ndata: Internal Network Failure\n\n",
        failed("Hel"),
    ),
    "words that begin with error (lucasjinreal/Crane#121)": (
        events(HEL, "error: engine died", DONE),
        failed("Hel"),
    ),
    "an error in brackets": (events(HEL, "[ERROR] upstream timeout", DONE), failed("Hel")),
    "an error in a list (google-gemini/gemini-cli#6608)": (
        events(HEL, [{"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}]),
        failed("Hel", "ServerError", "UNAVAILABLE"),
    ),
    "an error in a choice (OpenRouter)": (
        events(
            {
                "choices": [
                    {
                        "delta": {"content": "Hel"},
                        "finish_reason": "error",
                        "error": {"code": 502, "message": "idle"},
                    }
                ]
            }
        ),
        failed("Hel", "ServerError", "502"),
    ),
    "an error of MiniMax's (lobehub/lobehub#2087)": (
        events(
            HEL,
            {"choices": None, "base_resp": {"status_code": 1008, "status_msg": "no balance"}},
            DONE,
        ),
        failed("Hel", code="1008"),
    ),
    "a code and words": (events(HEL, {"code": 1302, "msg": "busy"}), failed("Hel", code="1302")),
    "Cloudflare's errors": (
        events(HEL, {"success": False, "errors": [{"code": 3040, "message": "full"}]}),
        failed("Hel", code="3040"),
    ),
    "the Responses API's flat error": (
        events(HEL, {"type": "error", "code": "server_error", "message": "boom"}),
        failed("Hel", "ServerError", "server_error"),
    ),
    "a code that is none before the answer": (
        events({"code": "00000", "message": "done"}, {"code": 10000, "msg": "Success"}, HEL, LO),
        HELLO,
    ),
    "a code that is none beside the answer": (
        events(HEL, LO | {"code": 0, "msg": "ok", "base_resp": {"status_code": 0}}, DONE),
        HELLO,
    ),
}


def of(kind: str, **members: Any) -> dict[str, Any]:
    return {"type": kind, **members}


def block(index: int, **members: Any) -> dict[str, Any]:
    return of("content_block_start", index=index, content_block=members)


def more(index: int, **members: Any) -> dict[str, Any]:
    return of("content_block_delta", index=index, delta=members)


START = of("message_start", message={"usage": {"input_tokens": 5, "output_tokens": 1}})
REASON = of("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 2})
STOP = of("message_stop")
TOLD = Answer("Hello", usage=USAGE)
BEGUN = [START, block(0, type="text", text=""), more(0, type="text_delta", text="Hel")]
TEXT = [*BEGUN, more(0, type="text_delta", text="lo"), of("content_block_stop", index=0)]

ANTHROPIC: dict[str, tuple[bytes, Answer]] = {
    "null between events": (events(*BEGUN, "null", *TEXT[3:], REASON, STOP), TOLD),
    "text in a delta of the block's type": (
        events(
            START, block(0, type="text", text=""), more(0, type="text", text="Hello"), REASON, STOP
        ),
        TOLD,
    ),
    "a placeholder, then the input (openai/openai-agents-js#712)": (
        events(
            START,
            block(0, type="tool_use", id="a", name="f", input={}),
            more(0, type="input_json_delta", partial_json="{}"),
            more(0, type="input_json_delta", partial_json='{"x":1}'),
            REASON,
            STOP,
        ),
        Answer(calls=(F,), finish="tool_calls", usage=USAGE),
    ),
    "OpenAI's words for the end": (
        events(*TEXT, of("message_delta", delta={"stop_reason": "length"}), STOP),
        Answer("Hello", finish="length", usage=Usage(5, 1, 6)),
    ),
    "a gateway's own error": (
        events(*BEGUN, {"code": 1302, "msg": "busy"}),
        failed("Hel", code="1302"),
    ),
    "words after the name of an error": (
        events(*BEGUN) + b"event: error\ndata: upstream died\n\n",
        failed("Hel"),
    ),
}


def item(id: str, call: tuple[str, Any], own: str = "i") -> dict[str, Any]:
    name, arguments = call
    arguments = json.dumps(arguments)
    return of("function_call", id=own, call_id=id, name=name, arguments=arguments)


def added(index: int, item: Any) -> dict[str, Any]:
    return of("response.output_item.added", output_index=index, item=item)


def done(index: int, item: Any) -> dict[str, Any]:
    return of("response.output_item.done", output_index=index, item=item)


def completed(*output: Any) -> dict[str, Any]:
    usage = {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}
    response = {"status": "completed", "output": [*output], "usage": usage}
    return of("response.completed", response=response)


DELTA = of("response.output_text.delta", delta="Hel")
SAID = of("response.output_text.delta", delta="lo")
ONCE = Answer(calls=(F,), finish="tool_calls", usage=USAGE)

RESPONSES: dict[str, tuple[bytes, Answer]] = {
    "a call with another id in the final event (vllm-project/vllm#47916)": (
        events(added(0, item("a", ("f", ""))), done(0, item("a", F)), completed(item("b", F))),
        ONCE,
    ),
    "a call with other ids in the final event (vllm-project/vllm#47916)": (
        events(done(0, item("a", F)), completed(item("b", F, "j"))),
        ONCE,
    ),
    "two equal calls, both with other ids in the final event": (
        events(
            done(0, item("a", F)),
            done(1, item("b", F, "j")),
            completed(item("c", F, "k"), item("d", F, "l")),
        ),
        Answer(calls=(F, F), finish="tool_calls", usage=USAGE),
    ),
    "a call that was never ended, with another id in the final event": (
        events(
            added(0, of("function_call", id="i", call_id="a", name="f", arguments="")),
            of("response.function_call_arguments.delta", item_id="i", delta='{"x": 1}'),
            completed(item("b", F, "j")),
        ),
        ONCE,
    ),
    "calls that all have the index 0, neither ended": (
        events(
            added(0, of("function_call", call_id="a", name="f", arguments='{"x":1}')),
            added(0, of("function_call", call_id="b", name="g", arguments='{"y":2}')),
            completed(),
        ),
        Answer(calls=(F, G), finish="tool_calls", usage=USAGE),
    ),
    "text in the end of its part alone": (
        events(
            of("response.content_part.done", part=of("output_text", text="Hel")),
            of("response.content_part.done", part=of("output_text", text="lo")),
            completed(),
        ),
        TOLD,
    ),
    "a part ends twice, as it should (ogx-ai/ogx#5309)": (
        events(
            DELTA,
            SAID,
            of("response.output_text.done", text="Hello"),
            of("response.content_part.done", part=of("output_text", text="Hello")),
            completed(),
        ),
        TOLD,
    ),
    "null between events, and ones that keep alive (OpenRouterTeam/python-sdk#266)": (
        events(DELTA, "null", of("response.keep_alive"), SAID, completed()),
        TOLD,
    ),
    "a limit in another word": (
        events(
            DELTA,
            of(
                "response.incomplete",
                response={"status": "incomplete", "incomplete_details": {"reason": "max_tokens"}},
            ),
        ),
        Answer("Hel", finish="length"),
    ),
    "a gateway's own error": (
        events(DELTA, {"code": 1302, "msg": "busy"}),
        failed("Hel", code="1302"),
    ),
}

END = {"message": {"content": ""}, "done": True, "prompt_eval_count": 5, "eval_count": 2}
OLLAMA: dict[str, tuple[bytes, Answer]] = {
    "an error with its words in the name (ollama/ollama#11781)": (
        lines({"message": {"content": "Hel"}}, {"error parsing tool call": "invalid character"}),
        failed("Hel"),
    ),
    "a line that says null": (
        lines({"message": {"content": "Hel"}}, None, {"message": {"content": "lo"}}, END),
        TOLD,
    ),
}
GEMINI: dict[str, tuple[bytes, Answer]] = {
    "a gateway's own error": (
        events(part("Hel"), {"code": 1302, "msg": "busy"}),
        failed("Hel", code="1302"),
    ),
}
ROWS = {
    f"{far_side}: {name}": (far_side, LINES if far_side == "ollama" else SSE, *row)
    for far_side, rows in {
        "openai": OPENAI,
        "anthropic": ANTHROPIC,
        "responses": RESPONSES,
        "ollama": OLLAMA,
        "gemini": GEMINI,
    }.items()
    for name, row in rows.items()
} | {
    "openai: JSON in a wrapping (smallmain/vscode-unify-chat-provider#71)": (
        "openai",
        JSON,
        json.dumps({"data": message("Hello") | {"usage": counted()}}).encode(),
        TOLD,
    ),
    "openai: a JSON array of chunks": ("openai", JSON, json.dumps([HEL, LO]).encode(), HELLO),
}


def read(far_side: str, media_type: str, *pieces: bytes) -> Answer:
    provider, ask = FAR_SIDES[far_side]
    reply = Reply(list(pieces), headers={"content-type": media_type})
    return answered(chat(provider, "Hi", ScriptedTransport({ask: reply}), model="m"))


@pytest.mark.parametrize(("far_side", "media_type", "body", "right"), ROWS.values(), ids=ROWS)
def test_it_is_read_and_alike_byte_by_byte(
    far_side: str, media_type: str, body: bytes, right: Answer
) -> None:
    assert read(far_side, media_type, body) == right
    assert read(far_side, media_type, *(bytes((each,)) for each in body)) == right


@pytest.mark.parametrize(("far_side", "media_type", "body", "right"), ROWS.values(), ids=ROWS)
def test_cut_off_it_is_never_taken_for_less(
    far_side: str, media_type: str, body: bytes, right: Answer
) -> None:
    """With an end mark all must have come that the whole has, but for its error behind one."""
    for length in {*range(0, len(body), 29), *range(max(len(body) - 20, 0), len(body))}:
        found = read(far_side, media_type, body[:length])
        if found.error is None:
            said = (found.text, found.reasoning, found.calls, found.finish)
            assert said == (right.text, right.reasoning, right.calls, right.finish), length


# -- sending ------------------------------------------------------------------


def sent(far_side: str, *turns: dict[str, Any]) -> Any:
    provider = FAR_SIDES[far_side][0]
    asked = request(provider, [{"role": "user", "content": "Hi"}, *turns], model="m")
    return cast(Any, provider).body(asked)


def called(text: str, arguments: str) -> list[dict[str, Any]]:
    """A turn with a call, and the call's result."""
    function = {"name": "f", "arguments": arguments}
    call = {"id": "a", "type": "function", "function": function}
    turn = {"role": "assistant", "content": text, "tool_calls": [call]}
    return [turn, {"role": "tool", "tool_call_id": "a", "content": "5"}]


@pytest.mark.parametrize("blank", ["\n\n", " "])
def test_blank_text_beside_a_call_is_not_sent_to_anthropic(blank: str) -> None:
    """It refuses turns whose only text is blank (home-assistant/core#175637)."""
    turn = sent("anthropic", *called(blank, "{}"))["messages"][1]
    assert turn["content"] == [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]


def test_a_blank_turn_is_not_sent_to_anthropic() -> None:
    blank, again = {"role": "assistant", "content": "\n"}, {"role": "user", "content": "Well?"}
    (turn,) = sent("anthropic", blank, again)["messages"]
    assert turn["role"] == "user"
    assert [block["text"] for block in turn["content"]] == ["Hi", "Well?"]


def test_empty_arguments_go_back_as_an_empty_object() -> None:
    """Servers that parse them fail at an empty text (vllm-project/vllm#19419)."""
    call = sent("openai", *called("", ""))["messages"][1]["tool_calls"][0]
    assert call["function"] == {"name": "f", "arguments": "{}"}
    item = {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}
    assert item in sent("responses", *called("", ""))["input"]


def linked(body: Any) -> tuple[str, str]:
    """The id of the call in *body*, and the one that its result names."""
    _, turn, result = body["messages"]
    if "tool_calls" in turn:
        return turn["tool_calls"][0]["id"], result["tool_call_id"]
    return turn["content"][0]["id"], result["content"][0]["tool_use_id"]


def calling_by(id: str) -> list[dict[str, Any]]:
    turn, result = called("", "{}")
    turn["tool_calls"][0]["id"] = result["tool_call_id"] = id
    return [turn, result]


@pytest.mark.parametrize("id", ["functions.Bash:0", "call_1|fc_2", "caf\u00e9"])
def test_ids_of_other_services_are_put_into_anthropic_s_form(id: str) -> None:
    """It takes letters, digits, "_" and "-" (langchain-ai/langchain#37756)."""
    ids = linked(sent("anthropic", *calling_by(id)))
    other = linked(sent("anthropic", *calling_by(id + "1")))
    assert ids[0] == ids[1]
    assert re.fullmatch("[a-zA-Z0-9_-]{1,64}", ids[0])
    assert ids[0] != other[0]
    assert linked(sent("anthropic", *calling_by("toolu_0-1"))) == ("toolu_0-1", "toolu_0-1")


def test_ids_of_other_services_are_put_into_mistral_s_form() -> None:
    """It takes nine letters and digits (nearai/ironclaw#1241)."""
    mistral = cast(Any, registry.provider_class("mistral")(LOCAL))

    def ids(id: str) -> tuple[str, str]:
        history = [{"role": "user", "content": "Hi"}, *calling_by(id)]
        return linked(mistral.body(request(mistral, history, model="m")))

    made = ids("call_0fypS1hVX")
    assert made[0] == made[1]
    assert re.fullmatch("[a-zA-Z0-9]{9}", made[0])
    assert ids("WcG8xhSs1") == ("WcG8xhSs1", "WcG8xhSs1")
    assert linked(sent("openai", *calling_by("call_1"))) == ("call_1", "call_1")


def test_no_tools_in_a_list_are_not_sent() -> None:
    """DashScope, DeepSeek and OpenAI refuse the empty list (earendil-works/pi#3649)."""
    transport = ScriptedTransport({"POST /chat/completions": events(LO, DONE)})
    assert chat(OpenAI(LOCAL), "Hi", transport, model="m", tools=[]).result().text == "lo"
    assert "tools" not in transport.requests[0].body
