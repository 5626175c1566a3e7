"""Each recorded answer, read in every way it may come."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from g4fsync.errors import StreamTruncated
from tests.recordings.comparison import differences
from tests.recordings.recording import Recording, beginnings, odd_pieces, single_bytes
from tests.recordings.replay import replay, replay_over_socket

# What says, in any of the protocols, that the model stopped.
_END = re.compile(
    rb'"(finish_reason|finishReason|stop_reason|done_reason)": ?"[^"]|"done": ?true|\\[DONE\\]'
    rb'|"type": ?"response\.(completed|incomplete|done)"'
)
Note = Callable[[str, object], None]


@pytest.fixture(autouse=True)
def _noted(recording: Recording, record_property: Note) -> None:
    record_property("service", recording.service)
    record_property("recording", recording.file)


def test_a_recorded_answer_in_one_piece(recording: Recording) -> None:
    assert differences(recording, replay(recording)) == []


@pytest.mark.parametrize("seed", [1, 2])
def test_a_recorded_answer_in_odd_pieces(recording: Recording, seed: int) -> None:
    assert differences(recording, replay(recording, odd_pieces(recording, seed))) == []


def test_a_recorded_stream_byte_by_byte(recording: Recording) -> None:
    assert differences(recording, replay(recording, single_bytes(recording))) == []


@pytest.mark.usefixtures("no_proxy_variables")
def test_a_recorded_answer_over_a_socket(recording: Recording) -> None:
    assert differences(recording, replay_over_socket(recording)) == []


def test_a_recorded_stream_that_is_cut_off(recording: Recording) -> None:
    """What is left is the beginning of the answer, and complete only behind an end."""
    complete = replay(recording)
    for beginning in beginnings(recording, count=12):
        outcome = replay(recording, [beginning])
        assert complete.text.startswith(outcome.text)
        assert complete.reasoning.startswith(outcome.reasoning)
        if outcome.error is None:
            assert _END.search(beginning), beginning[-200:]
        elif type(outcome.error) is not type(complete.error):
            assert type(outcome.error) is StreamTruncated, (outcome.error, beginning[-200:])
