"""A local server that speaks the far side of every provider, with faults.

::

    from g4fsync import Client
    from g4fsync.emulator import Cut, Emulator

    with Emulator(tokens_per_second=20) as emulator:
        client = Client("koala", base_urls=emulator.base_urls)
        print(client.ask("Hello"))
        emulator.koala.fault = Cut(after_bytes=17)
        client.ask("Hello")  # raises StreamInterrupted

It checks what it is sent (headers, signatures, check digits, order of calls) and
answers a wrong request with an error that says why, in the header
``X-Emulator-Problem`` and in the record of the request.  It shares no code with the
client, so that a mistake of one shows at the other.
"""

from __future__ import annotations

from .farside import FarSide, Pace
from .faults import (
    AlreadyFinished,
    At,
    Captcha,
    Challenge,
    Cut,
    Disconnect,
    Fault,
    Framing,
    Garbage,
    HangBeforeHeaders,
    InBandError,
    InvalidUTF8,
    JSONAnswer,
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
from .records import Received
from .replies import SHOWCASE, Messages, Reply, echo, words
from .server import Emulator

__all__ = [
    "SHOWCASE",
    "AlreadyFinished",
    "At",
    "Captcha",
    "Challenge",
    "Cut",
    "Disconnect",
    "Emulator",
    "FarSide",
    "Fault",
    "Framing",
    "Garbage",
    "HangBeforeHeaders",
    "InBandError",
    "InvalidUTF8",
    "JSONAnswer",
    "MessageReplied",
    "Messages",
    "NoEndMark",
    "Pace",
    "Plan",
    "Received",
    "Refuse",
    "RefuseNamespace",
    "Reply",
    "Silence",
    "Split",
    "Stall",
    "Status",
    "Trickle",
    "echo",
    "words",
]
