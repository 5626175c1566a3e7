"""``images=``: pictures behind the last message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from g4fsync import Client, Image, InvalidRequest, Message
from tests.support.scripted_provider import ScriptedProvider

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
IMAGE = Image(content=PNG, media_type="image/png")


def asked(messages: Any, images: Any) -> Message:
    provider = ScriptedProvider("ok")
    Client().ask(messages, provider=provider, images=images)
    return provider.requests[0].last


def test_paths_bytes_urls_and_images(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(PNG)
    url = "https://example.com/a.png"
    images = [file, str(file), PNG, url, IMAGE, "data:image/png;base64,iVBORw0KGgo="]
    message = asked("What is it?", images)
    assert message.content == "What is it?"
    assert message.parts == (
        "What is it?",
        *([IMAGE] * 3),
        Image(url=url),
        IMAGE,
        Image(content=PNG[:8], media_type="image/png"),
    )


def test_they_go_behind_what_the_last_message_has() -> None:
    turns = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": ["c", IMAGE]},
    ]
    assert asked(turns, [PNG]).parts == ("c", IMAGE, IMAGE)
    assert asked("a", []).parts == ()
    assert asked("a", None).parts == ()


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ("a.png", "images must be a list of images, got str"),
        ([b"GIF"], "images[0]: an image must be a PNG, JPEG, GIF or WebP file"),
        (["missing.png"], "images[0]: image missing.png: No such file or directory"),
        ([PNG, 3], "images[1] must be a path, bytes, a URL or an Image, got int"),
    ],
)
def test_what_is_no_image_is_named(images: Any, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        asked("a", images)
    assert str(caught.value) == message


def test_only_a_user_has_images() -> None:
    turns = [Message("user", "a"), Message("assistant", "b")]
    with pytest.raises(InvalidRequest, match="belong to a user's message, the last is 'assistant'"):
        asked(turns, [PNG])
