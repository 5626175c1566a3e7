"""The JSON that services have sent, as the elements of a list that comes in pieces."""

from __future__ import annotations

import codecs
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from g4fsync.schemas.elements import Elements
from tests.recordings.recording import Recording
from tests.recordings.replay import replay

_MOST_CUTS = 300  # of a text in two; more places are a sample


@pytest.fixture
def said(recording: Recording) -> list[str]:
    """Each JSON text of the recording: its answer's, its calls', its events or its body."""
    outcome = replay(recording)
    body = recording.body.decode()
    lines = [line.removeprefix("data:") for line in body.splitlines()]
    texts = [outcome.text, *(call.arguments for call in outcome.tool_calls), body, *lines]
    found = [text for text in texts if _is_json(text)]
    if not found:
        pytest.skip("no JSON in it")
    return found


def test_recorded_json_cut_at_any_byte_gives_the_same_elements(
    recording: Recording, said: list[str]
) -> None:
    text = f"[{', '.join(said)}]".encode()
    expected = json.loads(text)
    places = [*range(len(text) + 1)]
    if len(places) > _MOST_CUTS:
        places = random.Random(recording.file).sample(places, _MOST_CUTS)
    for place in places:
        assert elements([text[:place], text[place:]]) == expected, place


@pytest.mark.parametrize("size", [1, 4, 20, 1000, 16_000])
def test_recorded_json_in_pieces_gives_the_same_elements(said: list[str], size: int) -> None:
    for separator in (",", ",\n  "):
        text = f'{{"items": [{separator.join(said)}]}}'.encode()
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        assert elements(pieces) == json.loads(text)["items"]


def elements(pieces: list[bytes]) -> list[Any]:
    """The elements of the list that comes in *pieces*, to its end."""
    reader = Elements("items")
    found = [each for closed in reader.read(_decoded(pieces)) for each in closed]
    assert reader.closed
    return found


def _decoded(pieces: list[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    for piece in pieces:
        yield decoder.decode(piece)


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except ValueError:
        return False
