"""The far side of Myshell."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import websocket

from g4fsync.emulator import (
    Captcha,
    Challenge,
    Cut,
    Disconnect,
    Emulator,
    Garbage,
    HangBeforeHeaders,
    InBandError,
    InvalidUTF8,
    MessageReplied,
    NoEndMark,
    Plan,
    Refuse,
    RefuseNamespace,
    Silence,
    Split,
    Stall,
    Status,
    Trickle,
)
from g4fsync.emulator.sides.myshell_visitors import hash_agent

AGENT = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 "
    "(KHTML, like Gecko) Chrome/111.0.0.0 Safari/537.36"
)
VISITOR = "18bcfe5687b3e8-80000000000000-1e525634-1fa400-18bcfe5687b3e8"
QUESTION = {
    "reqId": "0d3b5b0e-6f0a-4c7e-9b57-2f1b8f0c1a11",
    "botUid": "01c8de4fbfc548df903712b0922a4e01",
    "sourceFrom": "myshellWebsite",
    "text": "Hello",
    "signature": "816444321a70cc06e9ce037063cd2bf5",
    "timestamp": "1700000000121",
    "version": "v1.0.0",
}


class Talk:
    """A WebSocket to the emulator."""

    def __init__(self, emulator: Emulator, target: str = "/ws/?EIO=4&transport=websocket") -> None:
        url = emulator.base_urls["myshell"].replace("http:", "ws:") + target
        agent = f"User-Agent: {AGENT}"
        # Any, since the library is only partly typed.
        self.socket: Any = websocket.create_connection(url, header=[agent], timeout=10)

    def receive(self) -> str:
        text = self.socket.recv()
        assert isinstance(text, str)
        return text

    def connect(self, **auth: Any) -> str:
        assert self.receive().startswith("0{")
        self.send("40/chat," + json.dumps({"token": None, "visitorId": VISITOR, **auth}))
        return self.receive()

    def send(self, packet: str) -> None:
        self.socket.send(packet)

    def ask(self, **changes: Any) -> None:
        self.send("42/chat," + json.dumps(["text_chat", {**QUESTION, **changes}]))

    def frames(self) -> list[Any]:
        """Arguments of ``text_stream`` until the final one."""
        frames: list[Any] = []
        while not (frames and frames[-1]["data"]["isFinal"]):
            packet = self.receive()
            assert packet.startswith('42/chat,["text_stream",')
            frames.append(json.loads(packet[8:])[1])
        return frames


@pytest.fixture
def talks(emulator: Emulator) -> Iterator[Callable[..., Talk]]:
    emulator.myshell.now = lambda: 1700000000.5
    emulator.myshell.reply = lambda messages: ["Hel", 'lo "Ж🙂"\n']
    opened: list[Talk] = []

    def talk(*arguments: str) -> Talk:
        opened.append(Talk(emulator, *arguments))
        return opened[-1]

    yield talk
    for one in opened:
        one.socket.shutdown()


Talks = Callable[..., Talk]


def test_happy_path_packet_by_packet(emulator: Emulator, talks: Talks) -> None:
    talk = talks()
    packet = talk.receive()
    assert packet[0] == "0"
    opening = json.loads(packet[1:])
    assert opening["upgrades"] == []
    assert (opening["pingInterval"], opening["pingTimeout"]) == (25000, 20000)
    assert opening["maxPayload"] == 1000000
    talk.send(f'40/chat,{{"token": null, "visitorId": "{VISITOR}"}}')
    connected = talk.receive()
    assert connected.startswith('40/chat,{"sid":"')
    assert json.loads(connected[8:])["sid"] != opening["sid"]
    talk.ask()
    request_id = QUESTION["reqId"]
    for text, final in [("Hel", "false"), ('lo \\"Ж🙂\\"\\n', "false"), ("", "true")]:
        assert talk.receive() == (
            f'42/chat,["text_stream",{{"reqId":"{request_id}",'
            f'"data":{{"text":"{text}","isFinal":{final}}}}}]'
        )
    talk.socket.close()
    (record,) = emulator.myshell.wait_ended()
    assert (record.problem, record.ended, record.body) == (None, "complete", QUESTION)
    assert record.path == "/ws/"
    assert len(record.packets) == 2


def test_final_frame_can_have_text(emulator: Emulator, talks: Talks) -> None:
    emulator.myshell.final_has_text = True
    talk = talks()
    talk.connect()
    talk.ask()
    assert [frame["data"] for frame in talk.frames()] == [
        {"text": "Hel", "isFinal": False},
        {"text": 'lo "Ж🙂"\n', "isFinal": True},
    ]


def test_reply_gets_the_flattened_conversation(emulator: Emulator, talks: Talks) -> None:
    seen: list[dict[str, str]] = []

    def reply(messages: list[dict[str, str]]) -> list[str]:
        seen.extend(messages)
        return ["ok"]

    emulator.myshell.reply = reply
    talk = talks()
    talk.connect()
    talk.ask(
        text="User: a\nAssistant: b\nc\nUser: Привет\nAssistant:",
        signature="dfea44ae9ab0256afc56e8ff080b6ee8",
    )
    talk.frames()
    assert seen == [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b\nc"},
        {"role": "user", "content": "Привет"},
    ]


@pytest.mark.parametrize(
    ("agent", "value"),
    [
        ("", "0"),
        ("A", "41"),
        ("ABCDE", "41424301"),
        ("aaaaaaaa", "0"),
        ("é", "e9"),
        ("Агент", "1033357f"),
        (AGENT, "1e525634"),
        (AGENT.replace("111", "117"), "18525634"),
    ],
)
def test_hash_of_the_user_agent(agent: str, value: str) -> None:
    assert hash_agent(agent) == value


@pytest.mark.parametrize(
    ("auth", "problem"),
    [
        ({"visitorId": "x"}, "visitorId: expected five groups T-R-U-S-T in hex, got 'x'"),
        (
            {"visitorId": VISITOR[:-1] + "9"},
            "visitorId: the outer groups differ: 18bcfe5687b3e8 and 18bcfe5687b3e9",
        ),
        (
            {"visitorId": VISITOR.replace("1e525634", "18525634")},
            f"visitorId: 18525634 is not the hash of User-Agent {AGENT!r}",
        ),
        (
            {"visitorId": VISITOR.replace("18bcfe5687b3e8", "98bcfe5687b3e8")},
            "visitorId: 98bcfe5687b3e8 does not begin with a time in milliseconds",
        ),
        (
            {"visitorId": VISITOR.replace("1fa400", "0fa400")},
            "visitorId: 0fa400 is no screen size",
        ),
        ({"token": "x"}, "auth.token: expected null, got 'x'"),
    ],
)
def test_wrong_auth_is_refused(
    emulator: Emulator, talks: Talks, auth: dict[str, Any], problem: str
) -> None:
    packet = talks().connect(**auth)
    assert packet.startswith("44/chat,")
    assert json.loads(packet[8:]) == {"message": problem}
    assert emulator.myshell.requests[0].problem == problem


def signed(text: str, stamp: str) -> str:
    digest = hashlib.md5(f"v1.0.0#{text}#{stamp}#8@VXGK3kKHr!u2gA".encode()).hexdigest()
    return digest[::-1]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"reqId": QUESTION["reqId"].upper()}, "text_chat.reqId: expected a UUID of version 4"),
        ({"botUid": "x"}, "text_chat.botUid: unknown: 'x'"),
        ({"sourceFrom": "x"}, "text_chat.sourceFrom: expected"),
        ({"version": "v2"}, "text_chat.version: expected"),
        ({"text": "Hello!"}, "text_chat.signature: "),
        ({"timestamp": 1700000000121}, "text_chat.timestamp: expected a string"),
        ({"timestamp": "170000000012"}, "text_chat.timestamp: expected 13 digits"),
        ({"timestamp": "1700000000122"}, "text_chat.timestamp: check digit of 1700000000122"),
        (
            {"timestamp": "1696507507991", "signature": signed("Hello", "1696507507991")},
            "text_chat.timestamp: 3492493 s off",
        ),
        ({"more": 1}, "text_chat: expected members"),
    ],
)
def test_wrong_question_draws_the_captcha(
    emulator: Emulator, talks: Talks, change: dict[str, Any], problem: str
) -> None:
    talk = talks()
    talk.connect()
    talk.ask(**change)
    packet = talk.receive()
    assert packet.startswith('42/chat,["need_verify_captcha",')
    assert json.loads(packet[8:])[1]["message"].startswith(problem)
    recorded = emulator.myshell.requests[0].problem
    assert recorded is not None
    assert recorded.startswith(problem)


def test_question_too_early_draws_the_captcha(emulator: Emulator, talks: Talks) -> None:
    emulator.myshell.settle_seconds = 60.0
    talk = talks()
    talk.connect()
    talk.ask()
    assert talk.receive().startswith('42/chat,["need_verify_captcha",')
    assert "before the connection settled" in (emulator.myshell.requests[0].problem or "")


def test_pings_are_sent_and_pongs_wanted(emulator: Emulator, talks: Talks) -> None:
    emulator.myshell.ping_interval, emulator.myshell.ping_timeout = 0.02, 5.0
    talk = talks()
    talk.connect()
    for _ in range(3):
        assert talk.receive() == "2"
        talk.send("3")
    talk.socket.close()
    (record,) = emulator.myshell.wait_ended()
    assert record.packets.count("3") == 3
    assert record.problem is None


def test_without_a_pong_the_connection_is_closed(emulator: Emulator, talks: Talks) -> None:
    emulator.myshell.ping_interval, emulator.myshell.ping_timeout = 0.02, 0.05
    talk = talks()
    talk.connect()
    with pytest.raises(websocket.WebSocketConnectionClosedException):
        while True:
            assert talk.receive() in ("2", "")
            talk.socket.ping()  # notices the end
    (record,) = emulator.myshell.wait_ended()
    assert record.problem == "no pong within 0.05 s after a ping"
    assert record.ended == "cut"


@pytest.mark.parametrize("packet", ["2", "zzz", "4zzz"])
def test_nonsense_ends_the_connection(emulator: Emulator, talks: Talks, packet: str) -> None:
    talk = talks()
    talk.connect()
    talk.send(packet)
    with pytest.raises((websocket.WebSocketConnectionClosedException, ConnectionResetError)):
        talk.receive()
    (record,) = emulator.myshell.wait_ended()
    assert record.problem
    assert record.ended == "cut"


def test_what_socketio_servers_answer_with_silence_is_noted(
    emulator: Emulator, talks: Talks
) -> None:
    talk = talks()
    talk.receive()
    talk.ask()
    talk.send("40/other,")
    assert talk.receive() == '44/other,"Unable to connect"'
    talk.send("40")
    assert talk.receive() == '44"Unable to connect"'
    assert (emulator.myshell.requests[0].problem or "").startswith("namespace '/'")
    talk.send("40/chat," + json.dumps({"token": None, "visitorId": VISITOR}))
    assert talk.receive().startswith("40/chat,")
    talk.send('42/chat,["other",{}]')
    talk.send("41/chat,")
    talk.send("1")
    (record,) = emulator.myshell.wait_ended()
    assert (record.problem or "").startswith("expected text_chat with one argument")


@pytest.mark.parametrize(
    ("target", "status", "body"),
    [
        (
            "/ws/?EIO=3&transport=websocket",
            400,
            b'"The client is using an unsupported version of the Socket.IO or Engine.IO protocols"',
        ),
        ("/ws/?EIO=4&transport=x", 400, b'"Invalid transport"'),
        ("/ws/?EIO=4&transport=websocket&sid=z", 400, b'"Invalid session z"'),
        ("/ws?EIO=4&transport=websocket", 404, b'"no such path: /ws"'),
    ],
)
def test_opening_is_checked(talks: Talks, target: str, status: int, body: bytes) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        talks(target)
    assert caught.value.status_code == status
    assert caught.value.resp_body == body


def test_foreign_origin_is_refused(emulator: Emulator) -> None:
    url = emulator.base_urls["myshell"].replace("http:", "ws:") + "/ws/?EIO=4&transport=websocket"
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        websocket.create_connection(
            url, header=[f"User-Agent: {AGENT}"], origin="http://evil.example", timeout=10
        )
    assert caught.value.resp_body == b'"http://evil.example is not an accepted origin."'
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        websocket.create_connection(url, timeout=10)
    assert caught.value.status_code == 403


@pytest.mark.parametrize(
    ("fault", "status"), [(Status(429, retry_after=7), 429), (Challenge(), 403)]
)
def test_status_in_place_of_101(emulator: Emulator, talks: Talks, fault: Plan, status: int) -> None:
    emulator.myshell.fault = fault
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        talks()
    assert caught.value.status_code == status
    if status == 429:
        assert caught.value.resp_headers is not None
        assert caught.value.resp_headers["retry-after"] == "7"
    assert emulator.myshell.wait_ended()[0].problem is None


def test_refuse_and_hang(emulator: Emulator, talks: Talks) -> None:
    emulator.myshell.faults.extend([Refuse(), HangBeforeHeaders(seconds=0.02)])
    with pytest.raises(ConnectionResetError):
        talks()
    assert talks().connect().startswith("40/chat,")


@pytest.mark.parametrize(
    ("fault", "packet"),
    [
        (RefuseNamespace("nope"), '44/chat,{"message":"nope"}'),
        (RefuseNamespace("nope", bare=True), '44/chat,"nope"'),
    ],
)
def test_namespace_can_be_refused(
    emulator: Emulator, talks: Talks, fault: Plan, packet: str
) -> None:
    emulator.myshell.fault = fault
    assert talks().connect() == packet
    assert emulator.myshell.requests[0].problem is None


@pytest.mark.parametrize(
    ("fault", "beginning"),
    [
        (Captcha(), '42/chat,["need_verify_captcha",'),
        (MessageReplied(), '42/chat,["message_replied",'),
        (Disconnect(0), "41/chat,"),
        (InBandError("no", after_tokens=0), '42/chat,["message_replied",{"message":"no"}]'),
    ],
)
def test_refusals_of_the_question(
    emulator: Emulator, talks: Talks, fault: Plan, beginning: str
) -> None:
    emulator.myshell.fault = fault
    talk = talks()
    talk.connect()
    talk.ask()
    assert talk.receive().startswith(beginning)
    talk.socket.close()
    (record,) = emulator.myshell.wait_ended()
    assert (record.problem, record.ended) == (None, "complete")


@pytest.mark.parametrize("fault", [Silence(), Stall(keepalive=True)])
def test_silence_has_pings(emulator: Emulator, talks: Talks, fault: Plan) -> None:
    emulator.myshell.ping_interval = 0.02
    emulator.myshell.fault = fault
    talk = talks()
    talk.connect()
    talk.ask()
    for _ in range(3):
        assert talk.receive() == "2"
        talk.send("3")
    left_at = time.monotonic()
    talk.socket.shutdown()
    (record,) = emulator.myshell.wait_ended()
    assert record.ended == "client gone"
    assert (record.ended_at or 0) - left_at < 1.0


def test_stall_within_a_frame_is_silent(emulator: Emulator, talks: Talks) -> None:
    emulator.myshell.ping_interval = 0.02
    emulator.myshell.fault = Stall(9, seconds=0.1)
    talk = talks()
    talk.connect()
    begun = time.monotonic()
    talk.ask()
    assert [frame["data"]["text"] for frame in talk.frames()] == ["Hel", 'lo "Ж🙂"\n', ""]
    assert time.monotonic() - begun >= 0.1


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("after", [0, 40, 101])
def test_cut(emulator: Emulator, talks: Talks, after: int, *, reset: bool) -> None:
    emulator.myshell.fault = Cut(after, reset=reset)
    talk = talks()
    talk.connect()
    talk.ask()
    with pytest.raises((websocket.WebSocketConnectionClosedException, ConnectionResetError)):
        talk.frames()
    assert emulator.myshell.wait_ended()[0].ended == "cut"


def test_no_end_mark_closes_politely(emulator: Emulator, talks: Talks) -> None:
    emulator.myshell.fault = NoEndMark()
    talk = talks()
    talk.connect()
    talk.ask()
    assert '"Hel"' in talk.receive()
    assert "lo" in talk.receive()
    opcode, content = talk.socket.recv_data()
    assert (opcode, content[:2]) == (websocket.ABNF.OPCODE_CLOSE, b"\x03\xe8")
    assert emulator.myshell.wait_ended()[0].ended == "complete"


@pytest.mark.parametrize("fault", [Split(1), Split(7), Trickle(0.0001)])
def test_frames_survive_any_cutting(emulator: Emulator, talks: Talks, fault: Plan) -> None:
    emulator.myshell.fault = fault
    emulator.myshell.ping_interval = 0.01
    talk = talks()
    talk.connect()
    talk.ask()
    texts = []
    while True:
        packet = talk.receive()
        if packet == "2":
            continue
        data = json.loads(packet[8:])[1]["data"]
        texts.append(data["text"])
        if data["isFinal"]:
            break
    assert "".join(texts) == 'Hello "Ж🙂"\n'


def test_garbage_and_broken_text_are_frames(emulator: Emulator, talks: Talks) -> None:
    emulator.myshell.faults.extend([Garbage(5, b"42/chat,{]"), InvalidUTF8()])
    talk = talks()
    talk.connect()
    talk.ask()
    assert '"Hel"' in talk.receive()
    assert talk.receive() == "42/chat,{]"
    talk.frames()
    talk = talks()
    talk.connect()
    talk.ask()
    assert b'"Hel\xff\xfe"' in talk.socket.recv_frame().data


def test_noise_is_what_socketio_allows(emulator: Emulator, talks: Talks) -> None:
    emulator.myshell.reply = lambda messages: list("abcdefgh")
    emulator.myshell.noise = True
    talk = talks()
    talk.connect()
    talk.ask()
    packets: list[Any] = []
    while not (packets and '"isFinal":true' in str(packets[-1]) and '"reqId"' in packets[-1]):
        packets.append(talk.socket.recv())
    assert '42/chat,["no_arguments"]' in packets
    assert b"\x01\x02" in packets
    assert "6" in packets


def test_with_python_socketio(emulator: Emulator) -> None:
    socketio = pytest.importorskip("socketio")
    emulator.myshell.now = lambda: 1700000000.5
    emulator.myshell.ping_interval = 0.02
    emulator.myshell.reply = lambda messages: ["a", "b"]
    with socketio.SimpleClient() as client:
        client.connect(
            emulator.base_urls["myshell"],
            headers={"User-Agent": AGENT},
            auth={"token": None, "visitorId": VISITOR},
            transports=["websocket"],
            namespace="/chat",
            socketio_path="ws",
        )
        client.emit("text_chat", QUESTION)
        answers = [client.receive(timeout=5) for _ in range(3)]
    assert [argument["data"]["text"] for _, argument in answers] == ["a", "b", ""]
    assert emulator.myshell.wait_ended()[0].problem is None
