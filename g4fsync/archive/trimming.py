"""Which turns of a long conversation are sent: the newest that fit a number of tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..events import Usage
from ..messages import Image, Message

# A guess, on the safe side for most scripts: English has four bytes to a token, Chinese three.
_BYTES_PER_TOKEN = 3.0
_TOKENS_PER_MESSAGE = 4  # role and separators
_TOKENS_PER_IMAGE = 1000


class Trimmer:
    """Leaves out the oldest turns; learns from usages how many tokens a text has."""

    def __init__(self) -> None:
        self._factor = 1.0  # tokens counted by the provider, over those we had guessed

    def trimmed(self, messages: Sequence[Message], limit: int) -> tuple[Message, ...]:
        """*messages* without the oldest turns, so that they have *limit* tokens at most.

        A turn is a user's message and all that follows it, calls of tools and their
        results included; the newest one stays in any case, as do system texts.
        """
        turns = _turns(messages)
        sizes = [self._factor * sum(map(_guess, turn)) for turn in turns]
        kept = [message for message in messages if _is_system(message)]
        total = sum(sizes) + self._factor * sum(map(_guess, kept))
        first = 0
        while total > limit and first < len(turns) - 1:
            total -= sizes[first]
            first += 1
        left_out = {id(message) for turn in turns[:first] for message in turn}
        return tuple(message for message in messages if id(message) not in left_out)

    def learn(self, sent: Iterable[Message], usage: Usage | None) -> None:
        """What the provider has counted of *sent*."""
        guessed = sum(map(_guess, sent))
        if usage is not None and usage.input_tokens and guessed:
            self._factor = usage.input_tokens / guessed


def _turns(messages: Sequence[Message]) -> list[list[Message]]:
    turns: list[list[Message]] = []
    after_answer = True
    for message in messages:
        if _is_system(message):
            continue
        # Several questions in a row are one turn.
        if not turns or (message.role == "user" and after_answer):
            turns.append([])
        turns[-1].append(message)
        after_answer = message.role != "user"
    return turns


def _is_system(message: Message) -> bool:
    return message.role in ("system", "developer")


def _guess(message: Message) -> float:
    size = len(message.content.encode("utf-8", "surrogatepass"))
    size += sum(len(call.name) + len(call.arguments) for call in message.tool_calls)
    images = sum(isinstance(part, Image) for part in message.parts)
    return size / _BYTES_PER_TOKEN + _TOKENS_PER_MESSAGE + _TOKENS_PER_IMAGE * images
