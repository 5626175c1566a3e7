"""A folder of recorded answers: its index, its bodies, and how they may be cut."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from g4fsync import registry
from g4fsync.errors import InvalidRequest
from g4fsync.providers.base import Provider
from g4fsync.providers.openai import OpenAI

VARIABLE = "G4FSYNC_RECORDINGS"
FORMS = ("stream", "json", "err")
# The provider that speaks each kind of protocol, for a service without one of its own.
SPEAKERS: Mapping[str, str] = {
    "openai.chat": "openai",
    "anthropic.messages": "anthropic",
    "gemini": "gemini",
    "ollama.chat": "ollama",
    "openai.responses": "openai",
}
_MAX_PIECE_BYTES = 17


@dataclass(frozen=True)
class Recording:
    """One recorded answer; the README says what each field of the index means."""

    path: Path
    file: str
    service: str
    kind: str
    provider: str
    form: str
    status: int
    content_type: str
    expect: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        return self.path.read_bytes()

    def provider_class(self) -> type[Provider] | None:
        """The provider that reads this; ``None`` when nobody speaks its protocol."""
        speaker = "openai" if self.is_responses else SPEAKERS.get(self.kind)
        if speaker is None:
            return None
        try:
            found = registry.provider_class(self.provider)
        except InvalidRequest:
            found = registry.provider_class(speaker)
        return found if not self.is_responses or issubclass(found, OpenAI) else OpenAI

    @property
    def is_responses(self) -> bool:
        """Whether it is of OpenAI's Responses API, as ``openai.responses`` or otherwise called."""
        return "responses" in self.kind

    def at(self, base_url: str) -> Provider:
        """Its provider at *base_url*, by the API it was recorded from."""
        found = self.provider_class()
        assert found is not None
        if self.is_responses:
            assert issubclass(found, OpenAI)
            return found(base_url, api="responses")
        return found(base_url)


def folder() -> Path | None:
    """The folder that the environment names; ``None`` without a name."""
    name = os.environ.get(VARIABLE)
    return Path(name) if name else None


def load(root: Path) -> list[Recording]:
    """All recordings of a folder; ``ValueError`` for one of another form."""
    rows = json.loads((root / "index.json").read_text("utf-8"))
    return [_recording(root, row) for row in rows]


def _recording(root: Path, row: Mapping[str, Any]) -> Recording:
    if row["form"] not in FORMS:
        raise ValueError(f"{row['file']}: the form must be one of {FORMS}, got {row['form']!r}")
    return Recording(
        path=root / row["file"],
        file=row["file"],
        service=row["service"],
        kind=row["kind"],
        provider=row["provider"],
        form=row["form"],
        status=row["status"],
        content_type=row["content_type"],
        expect=row["expect"],
        headers=row.get("headers") or {},
    )


def odd_pieces(recording: Recording, seed: int) -> Iterator[bytes]:
    """The body in pieces of 1 to 17 bytes, the same for the same *seed*."""
    chance = random.Random(f"{recording.file} {seed}")
    body, start = recording.body, 0
    while start < len(body):
        end = start + chance.randint(1, _MAX_PIECE_BYTES)
        yield body[start:end]
        start = end


def single_bytes(recording: Recording) -> Iterator[bytes]:
    """The body byte by byte."""
    return (bytes([byte]) for byte in recording.body)


def beginnings(recording: Recording, count: int) -> Iterator[bytes]:
    """Proper beginnings of the body, cut off at *count* places, the same each time."""
    chance = random.Random(recording.file)
    body = recording.body
    for _ in range(count):
        yield body[: chance.randrange(len(body))]
