"""Give a recorded answer to the provider it was meant for, and note what comes out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from g4fsync import Client, Retry
from g4fsync.call.stream import ChatStream
from g4fsync.errors import G4FSyncError
from g4fsync.events import Finish, ToolCall, Usage
from g4fsync.testing import Reply, ScriptedTransport, chat
from tests.recordings.recording import Recording, odd_pieces
from tests.support.servers import Peer, Server

NOWHERE = "http://127.0.0.1:9/v1"  # never connected to


@dataclass(frozen=True)
class Outcome:
    """What a caller gets from an answer."""

    text: str
    reasoning: str
    tool_calls: tuple[ToolCall, ...]
    finishes: tuple[Finish, ...]
    usage: Usage | None
    error: G4FSyncError | None


class ReplayTransport(ScriptedTransport):
    """The same answer, whatever is asked for."""

    def __init__(self, reply: Reply) -> None:
        super().__init__({})
        self._reply = reply

    def reply_to(self, key: str) -> Reply:
        return self._reply


def replay(recording: Recording, pieces: Iterable[bytes] | None = None) -> Outcome:
    """What the provider's own code makes of the answer, its body cut into *pieces*."""
    body = [recording.body] if pieces is None else list(pieces)
    headers = {"content-type": recording.content_type, **recording.headers}
    transport = ReplayTransport(Reply(body, recording.status, headers))
    return outcome(chat(recording.at(NOWHERE), "Hi", transport, model="m"))


def replay_over_socket(recording: Recording) -> Outcome:
    """The same with a real client and a real connection on the loopback."""

    def answer(peer: Peer) -> None:
        while peer.request():
            send(recording, peer)

    with Server(answer) as server, Client(retry=Retry(attempts=1)) as client:
        return outcome(client.chat("Hi", model="m", provider=recording.at(server.url)))


def send(recording: Recording, peer: Peer) -> None:
    """The recorded status, headers and body; a stream goes chunked, in odd pieces."""
    fields = [f"Content-Type: {recording.content_type}"]
    fields += [f"{name}: {value}" for name, value in recording.headers.items()]
    status = f"{recording.status} Recorded"
    if recording.form != "stream":
        peer.answer(recording.body, *fields, status=status)
        return
    peer.head("Transfer-Encoding: chunked", *fields, status=status)
    for piece in odd_pieces(recording, seed=0):
        peer.chunk(piece)
    peer.chunk(b"")


def outcome(stream: ChatStream) -> Outcome:
    """Drain *stream*."""
    finishes: list[Finish] = []
    failure = None
    try:
        for event in stream.events():
            if isinstance(event, Finish):
                finishes.append(event)
    except G4FSyncError as error:
        failure = error
    return Outcome(
        stream.text, stream.reasoning, stream.tool_calls, tuple(finishes), stream.usage, failure
    )
