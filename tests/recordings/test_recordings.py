"""Each recorded answer, read in every way it may come."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.recordings.comparison import differences
from tests.recordings.recording import Recording, odd_pieces, single_bytes
from tests.recordings.replay import replay, replay_over_socket

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
