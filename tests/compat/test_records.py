"""Objects over JSON: attributes, items, dumps, as pydantic's models have them."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pydantic
import pytest

from g4fsync.compat.openai.arguments import plain
from g4fsync.compat.openai.types.chat import ChatCompletionMessage
from g4fsync.compat.openai.types.chat.chat_completion import ChatCompletion
from g4fsync.compat.openai.types.parsed_response import (
    ParsedResponseFunctionToolCall,
    ParsedResponseOutputMessage,
)
from g4fsync.compat.openai.types.response_items import opened
from g4fsync.compat.records import Record

CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
VALUE = {
    "id": "a",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Zoë", "tool_calls": [CALL]}}
    ],
    "more": {"x": [1, None]},
}


@pytest.fixture
def record() -> ChatCompletion:
    return ChatCompletion.of(VALUE)


def test_members(record: ChatCompletion) -> None:
    message = record.choices[0].message
    assert message.content == "Zoë"
    assert message.tool_calls is not None
    assert message.tool_calls[0].function.name == "f"
    assert record.usage is None
    assert record["more"] == {"x": [1, None]}
    assert record.get("nothing", 5) == 5
    assert "usage" in record
    assert "nothing" not in record
    with pytest.raises(
        AttributeError, match=r"^'ChatCompletion' object has no attribute 'nothing'$"
    ):
        _ = record.nothing
    with pytest.raises(KeyError):
        _ = record["nothing"]


def test_an_inner_object_is_the_same_each_time_and_can_be_changed(record: ChatCompletion) -> None:
    assert record.choices[0].message is record.choices[0].message
    record.choices[0].message.content = "Hi"
    record.model = "m"
    dumped = record.model_dump(exclude_unset=True)
    assert dumped["choices"][0]["message"]["content"] == "Hi"
    assert dumped["model"] == "m"
    assert VALUE["choices"][0]["message"]["content"] == "Zoë"  # type: ignore[index]


def test_an_object_of_any_kind_is_the_same_each_time() -> None:
    item = opened({"action": {"query": "x", "sources": [{"url": "u"}]}})
    assert item.action is item.action
    item.action.sources[0].url = "v"
    assert item.to_dict() == {"action": {"query": "x", "sources": [{"url": "v"}]}}


def test_dumps(record: ChatCompletion) -> None:
    assert record.to_dict() == VALUE
    assert record.model_dump(include={"id", "usage"}) == {"id": "a", "usage": None}
    assert record.model_dump(exclude={"choices", "more"}, exclude_none=True) == {"id": "a"}
    message = record.choices[0].message
    assert message.model_dump_json(exclude_none=True, exclude={"tool_calls"}) == (
        '{"content":"Zoë","role":"assistant"}'
    )
    assert message.to_json(indent=None).startswith('{"content":"Zoë","role":"assistant","tool_')
    assert message.dict() == message.model_dump()
    assert message.json() == message.model_dump_json()
    assert record.model_fields_set == {"id", "choices"}
    assert record.model_extra == {"more": {"x": [1, None]}}
    with pytest.raises(TypeError, match=r"^model_dump\(\) got an unexpected keyword argument 'x'$"):
        record.model_dump(x=1)


def test_dumps_of_chosen_members(record: ChatCompletion) -> None:
    only_text = {"choices": {"__all__": {"message": {"content"}}}}
    text = {"choices": [{"message": {"content": "Zoë"}}]}
    assert record.model_dump(include=only_text) == text
    assert record.model_dump(include={"choices": {0: {"message": {"content": True}}}}) == text
    assert record.model_dump(include={"id", "choices"}, exclude=only_text, exclude_none=True) == {
        "id": "a",
        "choices": [{"index": 0, "message": {"role": "assistant", "tool_calls": [CALL]}}],
    }
    assert record.to_dict(exclude={"choices": {0}, "more": ...}) == {"id": "a", "choices": []}
    assert record.model_dump_json(include={"id"}, by_alias=True, round_trip=True) == '{"id":"a"}'


def test_vars_are_the_members(record: ChatCompletion) -> None:
    message = record.choices[0].message
    assert vars(message) == message.__dict__
    assert list(vars(message)) == [name for name, _ in message]
    assert vars(message)["tool_calls"] is message.tool_calls
    assert "more" not in vars(record)  # as with pydantic's


def test_a_member_that_was_taken_away_is_not_sent(record: ChatCompletion) -> None:
    message: Any = record.choices[0].message
    assert message.tool_calls
    del message.tool_calls
    assert message.tool_calls is None
    assert message.to_dict() == {"role": "assistant", "content": "Zoë"}
    assert "tool_calls" in VALUE["choices"][0]["message"]  # type: ignore[index]
    with pytest.raises(AttributeError, match=r"has no attribute 'nothing'$"):
        del message.nothing


class Town(pydantic.BaseModel):
    city: str
    note: str | None = None


def test_what_was_read_does_not_go_back_to_the_responses_api() -> None:
    part = {"type": "output_text", "text": "{}"}
    message: Any = ParsedResponseOutputMessage.of(
        {"type": "message", "content": [{**part, "parsed": Town(city="Oslo")}]}
    )
    assert plain([message]) == [{"type": "message", "content": [part]}]
    assert message.to_dict()["content"][0]["parsed"] == {"city": "Oslo"}
    assert message.model_dump()["content"][0]["parsed"] == {"city": "Oslo", "note": None}
    call = ParsedResponseFunctionToolCall.of({"name": "f", "parsed_arguments": {"a": 1}})
    assert plain(call) == {"name": "f"}


def test_records_are_made_compared_and_copied(record: ChatCompletion) -> None:
    made = ChatCompletionMessage(role="assistant", content="Hi")
    assert made == ChatCompletionMessage.model_validate({"role": "assistant", "content": "Hi"})
    assert made != ChatCompletionMessage(role="assistant")
    assert made != {"role": "assistant"}
    assert made.model_copy(update={"content": "Ho"}).content == "Ho"
    assert made.copy(update={"content": "Ho"}).content == "Ho"
    assert ChatCompletionMessage.model_validate_json(made.model_dump_json()) == made
    assert ChatCompletion.parse_obj(VALUE).choices[0].message.content == "Zoë"
    assert record.model_copy(deep=True) == record
    for other in (copy.copy(record), copy.deepcopy(record), pickle.loads(pickle.dumps(record))):
        assert other == record
        assert type(other.choices[0].message) is ChatCompletionMessage
    assert repr(Record(a=1, b="x")) == "Record(a=1, b='x')"
    assert dict(made)["content"] == "Hi"
