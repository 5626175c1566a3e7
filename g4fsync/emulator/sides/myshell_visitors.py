"""What Myshell's server knows about its clients: visitor ids and signed questions.

Facts computed with the reference client's functions (g4f 0.1.5 to 0.4.9) and
compared there with ids captured from browsers; written down here a second time
on purpose, apart from the client, so that a shared mistake would show.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

BOTS = {
    "1e3be7fe89e94a809408b1154a2ee3e1": "samantha",
    "8077335db7cd47e29f7de486612cc7fd": "gpt-3.5-turbo",
    "01c8de4fbfc548df903712b0922a4e01": "gpt-4",
}
VERSION = "v1.0.0"
SECRET = "8@VXGK3kKHr!u2gA"  # noqa: S105 - the web client's published constant
QUESTION = ("reqId", "botUid", "sourceFrom", "text", "signature", "timestamp", "version")
UUID4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
MAX_SKEW_SECONDS = 300
_OLDEST = 1_400_000_000_000  # milliseconds: no browser's visitor id is older


def visitor_problem(visitor: Any, agent: str, now: float) -> str | None:
    """What is wrong with a visitor id of a client with this User-Agent."""
    shape = r"([0-9a-f]{12,24})-([0-9a-f]{1,16})-([0-9a-f]+)-([0-9a-f]+)-([0-9a-f]{12,24})"
    match = re.fullmatch(shape, visitor) if isinstance(visitor, str) else None
    if match is None:
        return f"visitorId: expected five groups T-R-U-S-T in hex, got {visitor!r}"
    first, _, agent_hash, screen, last = match.groups()
    if first != last:
        return f"visitorId: the outer groups differ: {first} and {last}"
    milliseconds = int(first[:11], 16)
    if not _OLDEST < milliseconds < (now + MAX_SKEW_SECONDS) * 1000:
        return f"visitorId: {first} does not begin with a time in milliseconds"
    if agent_hash != hash_agent(agent):
        return f"visitorId: {agent_hash} is not the hash of User-Agent {agent!r}"
    if screen.startswith("0"):
        return f"visitorId: {screen} is no screen size"
    return None


def hash_agent(agent: str) -> str:
    """XOR of the User-Agent's blocks of four bytes, the last one right-aligned."""
    low = agent.encode("utf-16-le")[::2]
    value = 0
    for start in range(0, len(low), 4):
        value ^= int.from_bytes(low[start : start + 4], "big")
    return f"{value:x}"


def question_problem(question: Mapping[str, Any], now: float) -> str | None:
    """What is wrong with the argument of ``text_chat``."""
    if sorted(question) != sorted(QUESTION):
        return f"text_chat: expected members {sorted(QUESTION)}, got {sorted(question)}"
    for name, value in question.items():
        if not isinstance(value, str):
            return f"text_chat.{name}: expected a string, got {value!r}"
    if not re.fullmatch(UUID4, question["reqId"]):
        return f"text_chat.reqId: expected a UUID of version 4, got {question['reqId']!r}"
    if question["botUid"] not in BOTS:
        return f"text_chat.botUid: unknown: {question['botUid']!r}"
    if question["sourceFrom"] != "myshellWebsite":
        return f"text_chat.sourceFrom: expected 'myshellWebsite', got {question['sourceFrom']!r}"
    if question["version"] != VERSION:
        return f"text_chat.version: expected {VERSION!r}, got {question['version']!r}"
    return _stamp_problem(question["timestamp"], now) or _signature_problem(question)


def _stamp_problem(stamp: str, now: float) -> str | None:
    if not re.fullmatch(r"[0-9]{13}", stamp):
        return f"text_chat.timestamp: expected 13 digits, got {stamp!r}"
    total = 0
    for place, digit in enumerate(stamp[:12]):
        total += int(digit) * (3 if place % 2 else 2)
    if stamp[12] != str(total % 10):
        return f"text_chat.timestamp: check digit of {stamp} should be {total % 10}"
    skew = abs(int(stamp) / 1000 - now)
    if skew > MAX_SKEW_SECONDS:
        return f"text_chat.timestamp: {skew:.0f} s off, allowed are {MAX_SKEW_SECONDS}"
    return None


def _signature_problem(question: Mapping[str, Any]) -> str | None:
    signed = "#".join([VERSION, question["text"], question["timestamp"], SECRET])
    digest = hashlib.md5(signed.encode("utf-8", "surrogatepass"), usedforsecurity=False)
    if question["signature"] != "".join(reversed(digest.hexdigest())):
        return f"text_chat.signature: {question['signature']!r} does not fit text and timestamp"
    return None
