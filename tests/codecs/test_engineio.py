from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from g4fsync.codecs.engineio import MAX_PING_SECONDS, Handshake, Packet, PacketType, decode, encode
from g4fsync.errors import ProtocolError

many = settings(deadline=None)

OPEN = {"sid": "x", "upgrades": [], "pingTimeout": 20000, "pingInterval": 25000}
NO_SENSE: list[Any] = [-1, True, "25000", None, [], 10**400, MAX_PING_SECONDS * 1001]


@pytest.mark.parametrize(
    ("frame", "packet"),
    [
        ("0{}", Packet(PacketType.OPEN, "{}")),
        ("1", Packet(PacketType.CLOSE)),
        ("2", Packet(PacketType.PING)),
        ("2probe", Packet(PacketType.PING, "probe")),
        ("3", Packet(PacketType.PONG)),
        ('42["x","é"]', Packet(PacketType.MESSAGE, '2["x","é"]')),
        ("5", Packet(PacketType.UPGRADE)),
        ("6", Packet(PacketType.NOOP)),
    ],
)
def test_a_packet_is_a_digit_and_a_payload(frame: str, packet: Packet) -> None:
    assert decode(frame) == packet
    assert encode(packet) == frame


@pytest.mark.parametrize("frame", ["", "7", "zzz", " 2", "²", "٢", "-1"])
def test_a_frame_without_a_known_digit_is_a_protocol_error(frame: str) -> None:
    with pytest.raises(ProtocolError, match=r"^expected an Engine.IO packet, got "):
        decode(frame)


def test_recorded_handshake() -> None:
    payload = (
        '{"sid":"WKg_1lQlbKAwKCvrAAAA","upgrades":[],'
        '"pingTimeout":20000,"pingInterval":25000,"maxPayload":1000000}'
    )
    assert Handshake.parse(payload) == Handshake("WKg_1lQlbKAwKCvrAAAA", 25.0, 20.0, 1_000_000)


@pytest.mark.parametrize("more", [{}, {"maxPayload": None}, {"new": 1}])
def test_older_servers_leave_max_payload_out(more: dict[str, Any]) -> None:
    assert Handshake.parse(json.dumps(OPEN | more)) == Handshake("x", 25.0, 20.0, None)


def test_fractions_of_milliseconds_are_taken() -> None:
    assert Handshake.parse(json.dumps(OPEN | {"pingInterval": 0.5})).ping_interval == 0.0005


@pytest.mark.parametrize("name", ["sid", "pingInterval", "pingTimeout"])
def test_a_missing_member_is_a_protocol_error(name: str) -> None:
    payload = json.dumps({member: value for member, value in OPEN.items() if member != name})
    with pytest.raises(ProtocolError, match=r"^expected an Engine.IO handshake, got "):
        Handshake.parse(payload)


def test_an_interval_cut_down_to_nothing_is_taken() -> None:
    """python-engineio announces 500 ms so."""
    handshake = Handshake.parse(json.dumps(OPEN | {"pingInterval": 0}))
    assert handshake == Handshake("x", 0.0, 20.0)


@pytest.mark.parametrize(
    ("interval", "timeout", "seconds"),
    [(25.0, 20.0, 46.0), (0.0, 0.5, 1.5), (1.0, 0.5, 2.5), (0.25, 0.5, 0.75), (1.5, 0.5, 2.0)],
)
def test_an_interval_of_full_seconds_may_have_been_cut_down(
    interval: float, timeout: float, seconds: float
) -> None:
    assert Handshake("x", interval, timeout).max_silence == seconds


@pytest.mark.parametrize(
    ("name", "value"),
    [("pingTimeout", 0), *itertools.product(("pingInterval", "pingTimeout"), NO_SENSE)],
)
def test_a_heartbeat_without_sense_is_a_protocol_error(name: str, value: Any) -> None:
    with pytest.raises(ProtocolError, match=r"^expected an Engine.IO handshake, got "):
        Handshake.parse(json.dumps(OPEN | {name: value}))


def test_a_heartbeat_of_a_day_is_the_limit() -> None:
    text = json.dumps(OPEN | {"pingInterval": MAX_PING_SECONDS * 1000})
    assert Handshake.parse(text).ping_interval == MAX_PING_SECONDS


@pytest.mark.parametrize("sid", ["", 1, None])
def test_a_sid_that_is_no_text_is_a_protocol_error(sid: Any) -> None:
    with pytest.raises(ProtocolError):
        Handshake.parse(json.dumps(OPEN | {"sid": sid}))


@pytest.mark.parametrize("value", [0, -1, 1e6, True, "1000000"])
def test_a_max_payload_that_is_no_size_is_a_protocol_error(value: Any) -> None:
    with pytest.raises(ProtocolError, match=r"with a maxPayload in bytes, got "):
        Handshake.parse(json.dumps(OPEN | {"maxPayload": value}))


@pytest.mark.parametrize("payload", ["", "[]", "null", '{"sid":"x","pingInterval":NaN}', "{"])
def test_a_handshake_that_is_no_object_is_a_protocol_error(payload: str) -> None:
    with pytest.raises(ProtocolError):
        Handshake.parse(payload)


@given(st.sampled_from(PacketType), st.text())
@many
def test_what_is_encoded_is_decoded(packet_type: PacketType, payload: str) -> None:
    packet = Packet(packet_type, payload)
    assert decode(encode(packet)) == packet


@given(st.text() | st.from_regex(r"[0-6]\{.*"))
@many
def test_garbage_gives_a_packet_or_a_protocol_error(frame: str) -> None:
    try:
        Handshake.parse(decode(frame).payload)
    except ProtocolError:
        pass
