from __future__ import annotations

import base64
import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from g4fsync import parts as parts_module
from g4fsync.errors import InvalidRequest
from g4fsync.events import ProviderData, ToolCall
from g4fsync.messages import (
    ROLES,
    ChatRequest,
    ChatResult,
    Image,
    Message,
    Part,
    as_messages,
    flatten,
)

PNG = b"\x89PNG\r\n\x1a\nrest"
USER = {"role": "user", "content": "Hi"}
ALL_ROLES = "system, developer, user, assistant, tool"


# -- what is taken ----------------------------------------------------------


def test_a_str_is_one_user_message() -> None:
    assert as_messages("Hi") == (Message("user", "Hi"),)


@pytest.mark.parametrize("role", ROLES)
def test_every_role_is_taken(role: Any) -> None:
    assert as_messages([{"role": role, "content": "a"}, USER])[0] == Message(role, "a")


@pytest.mark.parametrize(
    "given",
    [
        [USER],
        (USER,),
        [Message("user", "Hi")],
        [MappingProxyType(USER)],
        iter([USER]),
        [{"role": "user", "content": ["H", {"type": "text", "text": "i"}]}],
        [{"role": "user", "content": "Hi", "name": None, "refusal": None, "unknown": None}],
    ],
)
def test_a_conversation_may_come_in_many_shapes(given: object) -> None:
    assert as_messages(given) == (Message("user", "Hi"),)


def test_the_callers_list_stays_as_it_is() -> None:
    given = [{"role": "user", "content": ["a"]}]
    as_messages(given)
    assert given == [{"role": "user", "content": ["a"]}]


def test_earlier_messages_may_be_empty() -> None:
    assert as_messages([{"role": "system", "content": ""}, USER])[0].content == ""


def test_a_tools_answer_may_be_empty() -> None:
    given = [USER, {"role": "tool", "content": None, "tool_call_id": "1", "name": "f"}]
    assert as_messages(given)[1] == Message("tool", "", tool_call_id="1", name="f")


CALL = ToolCall("1", "f", '{"a": 1}')


@pytest.mark.parametrize(
    "call",
    [CALL, {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}],
)
def test_tool_calls_are_taken_as_objects_and_as_mappings(call: object) -> None:
    given = [{"role": "assistant", "content": None, "tool_calls": [call]}]
    assert as_messages(given) == (Message("assistant", "", tool_calls=(CALL,)),)


# -- images -----------------------------------------------------------------

DATA_URL = "data:image/png;base64," + base64.b64encode(PNG).decode()
IMAGE = Image(content=PNG, media_type="image/png")


@pytest.mark.parametrize(
    ("part", "image"),
    [
        (IMAGE, IMAGE),
        (Image(url="https://h/a.png"), Image(url="https://h/a.png")),
        ({"type": "image_url", "image_url": {"url": "http://h/a"}}, Image(url="http://h/a")),
        ({"type": "image_url", "image_url": "http://h/a"}, Image(url="http://h/a")),
        ({"type": "image_url", "image_url": {"url": DATA_URL}}, IMAGE),
        (Image(url=DATA_URL), IMAGE),
    ],
)
def test_images_come_in_two_forms_in_the_end(part: object, image: Image) -> None:
    [message] = as_messages([{"role": "user", "content": ["See: ", part]}])
    assert message == Message("user", "See: ", parts=("See: ", image))
    assert message.images == (image,)


def test_a_message_that_was_checked_can_be_checked_again() -> None:
    checked = as_messages([{"role": "user", "content": ["See: ", IMAGE]}])
    assert as_messages(checked) == checked


def test_a_plain_message_is_taken_as_it_is() -> None:
    given = [Message("system", "Be brief"), Message("user", "Hi", extra={"a": 1})]
    assert [id(each) for each in as_messages(given)] == [id(each) for each in given]
    with pytest.raises(InvalidRequest, match=r"messages\[1\]: content holds half a character"):
        as_messages([given[0], Message("user", "\ud83d")])
    with pytest.raises(InvalidRequest, match=r"messages\[0\]: role must be one of"):
        as_messages([Message("robot", "Hi")])  # type: ignore[arg-type]


def test_an_image_alone_is_a_question() -> None:
    [message] = as_messages([{"role": "user", "content": [IMAGE]}])
    assert (message.content, message.images) == ("", (IMAGE,))


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xffrest", "image/jpeg"),
        (b"GIF89arest", "image/gif"),
        (b"RIFF\n\0\0\0WEBPrest", "image/webp"),
    ],
)
def test_the_kind_of_an_image_is_told_by_its_first_bytes(
    content: bytes, media_type: str, tmp_path: Path
) -> None:
    (tmp_path / "image").write_bytes(content)
    assert Image.open(tmp_path / "image") == Image(content=content, media_type=media_type)


def test_a_file_that_is_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"hello")
    with pytest.raises(InvalidRequest, match="must be a PNG, JPEG, GIF or WebP file"):
        Image.open(tmp_path / "a.png")


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"^image .*missing: No such file or directory$"):
        Image.open(tmp_path / "missing")


def test_a_file_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts_module, "MAX_IMAGE_BYTES", 1 << 20)
    (tmp_path / "a.png").write_bytes(PNG + bytes(1 << 20))
    with pytest.raises(InvalidRequest, match="larger than 1 MiB"):
        Image.open(tmp_path / "a.png")


def test_the_bytes_of_an_image_stay_out_of_its_repr() -> None:
    assert repr(IMAGE) == "Image(media_type='image/png')"


# -- what is refused, by index and fault ------------------------------------


def parts(*given: object) -> list[object]:
    return [USER, {"role": "user", "content": list(given)}]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "messages must be a str or a sequence of messages, got NoneType"),
        (b"Hi", "messages must be a str or a sequence of messages, got bytes"),
        (5, "messages must be a str or a sequence of messages, got int"),
        (USER, "messages must be a str or a sequence of messages, got dict"),
        (Message("user", "Hi"), "messages must be a str or a sequence of messages, got Message"),
        ([], "messages must not be empty"),
        ("", "messages[0]: the last message has no content"),
        (" \n", "messages[0]: the last message has no content"),
        ([USER, {"role": "user", "content": ""}], "messages[1]: the last message has no content"),
        ([USER, {"role": "user", "content": []}], "messages[1]: the last message has no content"),
        ([USER, "Hi"], "messages[1] must be a mapping or a Message, got str"),
        (
            [USER, {"role": "robot", "content": "a"}],
            f"messages[1]: role must be one of {ALL_ROLES}, got 'robot'",
        ),
        (
            [{"content": "a"}],
            f"messages[0]: role must be one of {ALL_ROLES}, got None",
        ),
        (
            [{"role": ["user"], "content": "a"}],
            f"messages[0]: role must be one of {ALL_ROLES}, got ['user']",
        ),
        ([USER, {"role": "user"}], "messages[1] has no content"),
        (
            [USER, {"role": "user", "content": 5}],
            "messages[1]: content must be a str or a list of parts, got int",
        ),
        (
            [USER, {"role": "user", "content": b"a"}],
            "messages[1]: content must be a str or a list of parts, got bytes",
        ),
        ([Message("user", 5)], "messages[0]: content must be a str or a list of parts, got int"),  # type: ignore[arg-type]  # that is the point
        (
            [USER, {"role": "user", "content": "a", "name": 5}],
            "messages[1]: name must be a str, got int",
        ),
        (
            [USER, {"role": "tool", "content": "a", "tool_call_id": 5}],
            "messages[1]: tool_call_id must be a str, got int",
        ),
        (
            [USER, {"role": "user", "content": "\ud83d"}],
            "messages[1]: content holds half a character ('\\ud83d')",
        ),
        (["\ud83d"], "messages[0] must be a mapping or a Message, got str"),
        ("a\ud83d", "messages[0]: content holds half a character ('\\ud83d')"),
        (parts("a", 5), "messages[1].content[1] must be text or an image, got \"<class 'int'>\""),
        (parts({"type": 5}), "messages[1].content[0] must be text or an image, got '5'"),
        (parts({}), "messages[1].content[0] must be text or an image, got \"<class 'dict'>\""),
        (
            parts("a", b"%PDF-1.7"),
            "messages[1].content[1]: an image must be a PNG, JPEG, GIF or WebP file",
        ),
        (
            parts({"type": "image_url", "image_url": {"url": "http://h/a", "detail": 5}}),
            "messages[1].content[0]: detail must be a str, got int",
        ),
        (
            [USER, {"role": "user", "content": "a", "cache_control": {"ttl": float("nan")}}],
            "messages[1].cache_control.ttl: nan is not JSON",
        ),
        (
            [USER, {"role": "user", "content": "a", "b": [{"c": object()}]}],
            "messages[1].b[0].c: must be JSON, got object",
        ),
        (
            [USER, {"role": "user", "content": "a", 5: "b"}],
            "messages[1]: a key must be a str, got 5",
        ),
        (
            parts({"type": "text", "text": "a", "b": "\ud83d"}),
            "messages[1].content[0].b: holds half a character ('\\ud83d')",
        ),
        (
            parts({"type": "text", "text": 5}),
            "messages[1].content[0] must be text or an image, got 'text'",
        ),
        (
            parts({"type": "image_url"}),
            "messages[1].content[0] must be text or an image, got 'image_url'",
        ),
        (
            parts(Image()),
            "messages[1].content[0]: an image needs a url, or content and an image/ media_type",
        ),
        (
            parts(Image(content=PNG)),
            "messages[1].content[0]: an image needs a url, or content and an image/ media_type",
        ),
        (
            parts(Image(content="a", media_type="image/png")),  # type: ignore[arg-type]  # that is the point
            "messages[1].content[0]: an image needs a url, or content and an image/ media_type",
        ),
        (
            parts(Image(content=PNG, media_type=None)),  # type: ignore[arg-type]  # that is the point
            "messages[1].content[0]: an image needs a url, or content and an image/ media_type",
        ),
        (
            parts(Image(url=5)),  # type: ignore[arg-type]  # that is the point
            "messages[1].content[0]: an image URL begins with http://, https:// or data:",
        ),
        (
            parts(Image(url="file:///a")),
            "messages[1].content[0]: an image URL begins with http://, https:// or data:",
        ),
        (
            parts(Image(url="data:image/png,abc")),
            "messages[1].content[0]: the data URL is broken: not base64",
        ),
        (
            parts(Image(url="data:text/plain;base64,YQ==")),
            "messages[1].content[0]: an image needs a url, or content and an image/ media_type",
        ),
        (
            [USER, {"role": "assistant", "content": "a", "tool_calls": [5]}],
            "messages[1]: tool_calls must hold ToolCall objects, got 5",
        ),
        (
            [USER, {"role": "assistant", "content": "a", "tool_calls": 5}],
            "messages[1]: tool_calls must be a list, got int",
        ),
        (
            [
                USER,
                {
                    "role": "assistant",
                    "content": "a",
                    "tool_calls": [{"id": 1, "function": {"name": "f", "arguments": "{}"}}],
                },
            ],
            "messages[1]: tool_calls must hold ToolCall objects, "
            "got {'id': 1, 'function': {'name': 'f', 'arguments': '{}'}}",
        ),
    ],
)
def test_what_is_wrong_is_named_by_its_index_and_fault(given: object, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        as_messages(given)
    assert str(caught.value) == message


def test_a_broken_data_url_is_refused() -> None:
    with pytest.raises(
        InvalidRequest, match=r"^messages\[1\]\.content\[0\]: the data URL is broken"
    ):
        as_messages(parts(Image(url="data:image/png;base64,a")))


def test_an_image_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parts_module.MAX_IMAGE_BYTES == 20 * 1024 * 1024
    monkeypatch.setattr(parts_module, "MAX_IMAGE_BYTES", 8)
    with pytest.raises(InvalidRequest, match=r"the image has 12 bytes, more than the 8 allowed$"):
        as_messages(parts(IMAGE))


# -- the values -------------------------------------------------------------


@pytest.mark.parametrize(
    ("turns", "text"),
    [
        ([("user", "Hi")], "Hi"),
        ([("system", "Be brief")], "Be brief"),
        ([("system", "Be brief"), ("user", "Hi")], "System: Be brief\nUser: Hi\nAssistant:"),
        (
            [("user", "a"), ("assistant", "b\nc"), ("user", "Привет")],
            "User: a\nAssistant: b\nc\nUser: Привет\nAssistant:",
        ),
    ],
)
def test_flatten(turns: list[tuple[Any, str]], text: str) -> None:
    given = [Message(role, content) for role, content in turns]
    assert flatten(given) == flatten(iter(given)) == text


def test_a_request_knows_its_question_and_texts_by_role() -> None:
    turns = (Message("system", "s"), Message("user", "a"), Message("user", "b"))
    request = ChatRequest(turns, "m")
    assert request.last == turns[2]
    assert request.contents("user") == ["a", "b"]
    assert request.contents("user", "system") == ["s", "a", "b"]
    assert request.contents("tool") == []


def test_a_result_reads_as_its_text() -> None:
    assert str(ChatResult("Hello")) == f"{ChatResult('Hello')}" == "Hello"


# -- what is carried along --------------------------------------------------

CACHE = {"type": "ephemeral"}


def test_further_members_of_a_message_travel_with_it() -> None:
    given = {"role": "assistant", "content": "a", "prefix": True, "reasoning_content": "hm"}
    [message] = as_messages([given])
    assert message.extra == {"prefix": True, "reasoning_content": "hm"}
    assert as_messages([message]) == (message,)
    given["prefix"] = False
    assert message.extra["prefix"] is True


def test_an_assistants_turn_may_have_something_else_in_place_of_content() -> None:
    assert as_messages([{"role": "assistant", "content": None, "audio": {"id": "a"}}, USER])[
        0
    ] == Message("assistant", "", extra={"audio": {"id": "a"}})


@pytest.mark.parametrize(
    ("part", "kept"),
    [
        (
            {"type": "text", "text": "a", "cache_control": CACHE},
            Part("text", "a", {"cache_control": CACHE}),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}},
            Part("input_audio", extra={"input_audio": {"data": "UklG", "format": "wav"}}),
        ),
        ({"inlineData": {"data": "UklG"}}, Part("", extra={"inlineData": {"data": "UklG"}})),
        (
            {
                "type": "image_url",
                "image_url": {"url": "http://h/a", "detail": "low", "x": 1},
                "y": 2,
            },
            Image(url="http://h/a", detail="low", extra={"y": 2, "image_url": {"x": 1}}),
        ),
        (Image(url=DATA_URL, detail="low"), Image(None, PNG, "image/png", "low")),
    ],
)
def test_parts_of_other_kinds_are_kept_as_they_were_given(part: object, kept: object) -> None:
    [message] = as_messages([{"role": "user", "content": ["See: ", part]}])
    assert message.parts == ("See: ", kept)
    assert message.content == "See: " + getattr(kept, "text", "")
    assert as_messages([message]) == (message,)


@pytest.mark.parametrize("content", [PNG, bytearray(PNG), memoryview(PNG)])
def test_the_bytes_of_an_image_file_are_an_image(content: object) -> None:
    [message] = as_messages([{"role": "user", "content": ["What?", content]}])
    assert message.parts == ("What?", IMAGE)


def test_a_url_alone_stays_text() -> None:
    [message] = as_messages([{"role": "user", "content": ["What? ", "https://h/a.png"]}])
    assert (message.content, message.parts) == ("What? https://h/a.png", ())


@pytest.mark.parametrize(
    ("call", "kept"),
    [
        (
            {
                "id": "1",
                "index": 0,
                "function": {"name": "f", "arguments": "{}"},
                "extra_content": {},
            },
            ToolCall("1", "f", "{}", {"index": 0, "extra_content": {}}),
        ),
        (
            {"id": "1", "function": {"name": "f", "arguments": "{}", "parsed_arguments": {"a": 1}}},
            ToolCall("1", "f", "{}", {"function": {"parsed_arguments": {"a": 1}}}),
        ),
        (
            {"id": "1", "type": "other", "function": {"name": "f", "arguments": "{}"}},
            ToolCall("1", "f", "{}", {"type": "other"}),
        ),
        ({"function": {"name": "f", "arguments": {"a": "ü"}}}, ToolCall("", "f", '{"a": "ü"}')),
    ],
)
def test_further_members_of_a_call_travel_with_it(call: object, kept: ToolCall) -> None:
    given = [{"role": "assistant", "content": "", "tool_calls": [call]}]
    assert as_messages(given)[0].tool_calls == (kept,)


class Dumped:
    """As pydantic's models are, which other SDKs answer with."""

    def __init__(self, **members: Any) -> None:
        self._members = members

    def model_dump(self, *, exclude_none: bool = False) -> dict[str, Any]:
        shown = {k: v for k, v in self._members.items() if v is not None or not exclude_none}
        return {k: v.model_dump() if isinstance(v, Dumped) else v for k, v in shown.items()}


def test_messages_parts_and_calls_of_other_sdks_are_taken() -> None:
    function = {"name": "f", "arguments": '{"a": 1}'}
    call = Dumped(id="1", type="function", function=Dumped(**function))
    nothing: dict[str, Any] = {"refusal": None, "annotations": None, "function_call": None}
    checked = as_messages(
        [
            Dumped(role="assistant", content=None, tool_calls=[call.model_dump()], **nothing),
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "user", "content": [Dumped(type="text", text="Hi", citations=None)]},
        ]
    )
    turn = Message("assistant", "", tool_calls=(CALL,))
    assert checked == (turn, turn, Message("user", "Hi"))


# -- an answer as a turn ----------------------------------------------------


def test_a_result_is_the_turn_it_says() -> None:
    data = ProviderData("p", "block", {"a": 1}, 0, 0)
    result = ChatResult("Hello", tool_calls=(CALL,), provider_data=(data,))
    turn = Message("assistant", "Hello", tool_calls=(CALL,), provider_data=(data,))
    assert result.message == turn
    assert as_messages([USER, result, USER])[1] == turn


def test_the_values_are_frozen_hashable_and_can_be_pickled_and_copied() -> None:
    extra = {"a": [{"b": [1, "c"]}], "d": None}
    call = ToolCall("1", "f", "{}", extra, (ProviderData("p", "call", extra),))
    part = Part("text", "a", extra)
    image = Image(url="http://h", extra=extra)
    message = Message("assistant", "a", (part, image), tool_calls=(call,), extra=extra)
    for copied in (pickle.loads(pickle.dumps(message)), copy.deepcopy(message)):
        assert copied == message
        assert hash(copied) == hash(message)
    assert json.loads(json.dumps(message.extra)) == extra == message.extra
    inner = message.extra["a"]
    changes: list[Callable[[], object]] = [
        lambda: message.extra.update(a=1),  # type: ignore[attr-defined]  # that is the point
        lambda: inner.append(1),
        lambda: inner[0].pop("b"),
        lambda: inner[0].__setitem__("b", 1),
        lambda: inner[0]["b"].__delitem__(0),
    ]
    for change in changes:
        with pytest.raises(TypeError, match="can't be changed"):
            change()
    assert message.extra == extra
