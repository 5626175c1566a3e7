from __future__ import annotations

import base64
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from g4fsync import messages
from g4fsync.errors import InvalidRequest
from g4fsync.events import ToolCall
from g4fsync.messages import (
    MAX_IMAGE_BYTES,
    ROLES,
    ChatRequest,
    ChatResult,
    Image,
    Message,
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
        [{"role": "user", "content": "Hi", "unknown": 1}],
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
    monkeypatch.setattr(messages, "MAX_IMAGE_BYTES", 8)
    (tmp_path / "a.png").write_bytes(PNG)
    with pytest.raises(InvalidRequest, match="larger than 8 bytes"):
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
        (5, "messages must be a str or a sequence of messages, got int"),
        (USER, "messages must be a str or a sequence of messages, got dict"),
        (Message("user", "Hi"), "messages must be a str or a sequence of messages, got Message"),
        ([], "messages must not be empty"),
        ("", "messages[0]: the last message has no content"),
        (" \n", "messages[0]: the last message has no content"),
        ([USER, {"role": "user", "content": ""}], "messages[1]: the last message has no content"),
        ([USER, {"role": "user", "content": []}], "messages[1]: the last message has no content"),
        ([USER, "Hi"], "messages[1] must be a mapping or a Message, got str"),
        (b"Hi", "messages[0] must be a mapping or a Message, got int"),
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
        (parts({"type": "audio"}), "messages[1].content[0] must be text or an image, got 'audio'"),
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
    assert MAX_IMAGE_BYTES == 20 * 1024 * 1024
    monkeypatch.setattr(messages, "MAX_IMAGE_BYTES", 8)
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
