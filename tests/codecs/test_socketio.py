from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from g4fsync.codecs.socketio import (
    MAX_ACK_DIGITS,
    MAX_ATTACHMENTS,
    Packet,
    PacketType,
    SocketEvent,
    decode,
    encode,
)
from g4fsync.errors import ProtocolError

many = settings(deadline=None)

CONNECT, DISCONNECT, EVENT, ACK = (
    PacketType.CONNECT,
    PacketType.DISCONNECT,
    PacketType.EVENT,
    PacketType.ACK,
)
CONNECT_ERROR, BINARY_EVENT, BINARY_ACK = (
    PacketType.CONNECT_ERROR,
    PacketType.BINARY_EVENT,
    PacketType.BINARY_ACK,
)
PLACEHOLDER = {"_placeholder": True, "num": 0}

# Payloads of Engine.IO messages, as recorded, and what they mean.
RECORDED = [
    ("0", Packet(CONNECT)),
    ("0/chat,", Packet(CONNECT, "/chat")),
    ('0{"sid":"s"}', Packet(CONNECT, data={"sid": "s"})),
    ('0/chat,{"sid":"s","pid":"p"}', Packet(CONNECT, "/chat", {"sid": "s", "pid": "p"})),
    ("1", Packet(DISCONNECT)),
    ("1/chat,", Packet(DISCONNECT, "/chat")),
    ('2["x"]', Packet(EVENT, data=["x"])),
    ('2/chat,["multi",1]', Packet(EVENT, "/chat", ["multi", 1])),
    ('2/chat,["m","a",1,null,{"k":"v"}]', Packet(EVENT, "/chat", ["m", "a", 1, None, {"k": "v"}])),
    ('2/chat,12["echo1",{"a":1}]', Packet(EVENT, "/chat", ["echo1", {"a": 1}], 12)),
    ('2/chat,0["q"]', Packet(EVENT, "/chat", ["q"], 0)),
    ('212["q"]', Packet(EVENT, data=["q"], ack_id=12)),
    ('3/chat,12[{"a":1}]', Packet(ACK, "/chat", [{"a": 1}], 12)),
    ("3/chat,13[]", Packet(ACK, "/chat", [], 13)),
    ("4", Packet(CONNECT_ERROR)),
    ('4/chat,{"message":"nope"}', Packet(CONNECT_ERROR, "/chat", {"message": "nope"})),
    ('4/other,"Unable to connect"', Packet(CONNECT_ERROR, "/other", "Unable to connect")),
    ('4"Unable to connect"', Packet(CONNECT_ERROR, data="Unable to connect")),
    (
        '51-/chat,["bin",{"_placeholder":true,"num":0}]',
        Packet(BINARY_EVENT, "/chat", ["bin", PLACEHOLDER], None, 1),
    ),
    (
        '51-7["bin",{"_placeholder":true,"num":0}]',
        Packet(BINARY_EVENT, "/", ["bin", PLACEHOLDER], 7, 1),
    ),
    ('50-["bin"]', Packet(BINARY_EVENT, data=["bin"])),
    (
        '61-/chat,12[{"_placeholder":true,"num":0}]',
        Packet(BINARY_ACK, "/chat", [PLACEHOLDER], 12, 1),
    ),
]


@pytest.mark.parametrize(("payload", "packet"), RECORDED)
def test_recorded_packets(payload: str, packet: Packet) -> None:
    assert decode(payload) == packet
    assert encode(packet) == payload


@pytest.mark.parametrize(
    ("payload", "packet"),
    [
        ('2/chat?x=1,["e"]', Packet(EVENT, "/chat", ["e"])),
        ('2/chat?x=1&y=?,5["e"]', Packet(EVENT, "/chat", ["e"], 5)),
        ("1/chat?x=1", Packet(DISCONNECT, "/chat")),
        ('51-/chat?x=1,["e",{}]', Packet(BINARY_EVENT, "/chat", ["e", {}], None, 1)),
    ],
)
def test_a_query_is_no_part_of_the_namespace(payload: str, packet: Packet) -> None:
    assert decode(payload) == packet


def test_the_root_namespace_may_be_written_out() -> None:
    assert decode('2/,["e"]') == Packet(EVENT, data=["e"])


def test_a_namespace_at_the_end_needs_no_comma() -> None:
    assert decode("1/chat") == Packet(DISCONNECT, "/chat")


def test_a_comma_in_json_does_not_end_a_namespace() -> None:
    assert decode('2["a,/b,",1]') == Packet(EVENT, data=["a,/b,", 1])


def test_raw_utf_8_and_escapes_are_read_alike() -> None:
    assert decode('2["Привет"]') == decode('2["\\u041f\\u0440\\u0438\\u0432\\u0435\\u0442"]')


def test_what_is_sent_is_ascii() -> None:
    assert encode(Packet(EVENT, "/chat", ["é", "\ud83d"])) == '2/chat,["\\u00e9","\\ud83d"]'


@pytest.mark.parametrize("value", [float("nan"), {1, 2}])
def test_what_is_no_json_cannot_be_sent(value: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        encode(Packet(EVENT, data=["e", value]))


def test_an_event_has_as_many_arguments_as_were_sent() -> None:
    assert decode('2["e"]').event() == SocketEvent("e")
    assert decode('2/chat,7["e",1,null]').event() == SocketEvent("e", (1, None), 7)
    assert decode('51-["e",{"_placeholder":true,"num":0}]').event() == SocketEvent(
        "e", (PLACEHOLDER,)
    )


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "7",
        "zzz",
        "²",
        # JSON
        "2/chat,{bad",
        '2["e",NaN]',
        '2["e"]x',
        '2 ["e"] x',
        "2" + "[" * 100_000,
        # shape
        "2",
        "2[]",
        "2[1]",
        "2{}",
        '2"e"',
        "2null",
        '2/chat["e"]',
        "3[]",
        "3/chat,1",
        "3/chat,1{}",
        "0[]",
        '0"x"',
        '012{"sid":"x"}',
        "1{}",
        "1/chat,12",
        "4[]",
        "41",
        '412"x"',
        # attachments
        '5["e"]',
        '5-["e"]',
        '5x-["e"]',
        '5-1-["e"]',
        '21-["e"]',
        "6[]",
        "61-[]",
        # digits of other scripts
        '2٣["e"]',
        '5٣-["e"]',
    ],
    ids=lambda payload: repr(payload[:12]),
)
def test_what_is_not_a_packet_is_a_protocol_error(payload: str) -> None:
    with pytest.raises(ProtocolError):
        decode(payload)


def test_an_error_names_the_type_and_shows_what_came() -> None:
    with pytest.raises(ProtocolError, match=r"^expected a Socket.IO EVENT packet, got '2{}'$"):
        decode("2{}")


def test_attachments_have_a_limit() -> None:
    assert decode(f'5{MAX_ATTACHMENTS}-["e"]').attachments == MAX_ATTACHMENTS
    for digits in (str(MAX_ATTACHMENTS + 1), "100", "9" * 5000):
        with pytest.raises(ProtocolError):
            decode(f'5{digits}-["e"]')


def test_ack_ids_have_a_limit() -> None:
    assert decode("3" + "9" * MAX_ACK_DIGITS + "[]").ack_id == 10**MAX_ACK_DIGITS - 1
    for digits in (MAX_ACK_DIGITS + 1, 5000):
        with pytest.raises(ProtocolError):
            decode("3" + "9" * digits + "[]")


names = st.from_regex(r"/[a-z/]*", fullmatch=True)
ids = st.integers(0, 10**MAX_ACK_DIGITS - 1)
scalars = st.none() | st.booleans() | st.integers() | st.text()
args = st.lists(scalars | st.lists(scalars) | st.dictionaries(st.text(), scalars))
events = st.tuples(st.text(), args).map(lambda pair: [pair[0], *pair[1]])
packets = (
    st.builds(Packet, st.just(CONNECT), names, st.none() | st.dictionaries(st.text(), scalars))
    | st.builds(Packet, st.just(EVENT), names, events, st.none() | ids)
    | st.builds(Packet, st.just(ACK), names, args, ids)
    | st.builds(Packet, st.just(CONNECT_ERROR), names, st.none() | st.text())
    | st.builds(Packet, st.just(BINARY_EVENT), names, events, st.none() | ids, st.integers(0, 64))
    | st.builds(Packet, st.just(BINARY_ACK), names, args, ids, st.integers(0, 64))
)


@given(packets)
@many
def test_what_is_encoded_is_decoded(packet: Packet) -> None:
    assert decode(encode(packet)) == packet


@given(st.text() | st.from_regex(r"[0-6](\d*-)?(/chat(\?x)?,)?\d*([\[{\"].*)?", fullmatch=True))
@many
def test_garbage_gives_a_packet_or_a_protocol_error(payload: str) -> None:
    try:
        packet = decode(payload)
    except ProtocolError:
        return
    if packet.type in (EVENT, BINARY_EVENT):
        assert packet.event().args == tuple(packet.data[1:])
