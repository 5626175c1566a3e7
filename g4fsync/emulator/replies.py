"""What the emulator answers when nobody tells it what to say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeAlias

Messages: TypeAlias = list[dict[str, str]]
Reply: TypeAlias = Callable[[Messages], Iterable[str]]

SHOWCASE = 'Привет, мир! 🙂\n"Quoted", back\\slash, tab\t, line\u2028separator, 日本語, e\u0301.'

_TURN = re.compile(r"^(System|Developer|User|Assistant|Tool): ", re.MULTILINE)


def echo(messages: Messages) -> Iterable[str]:
    """Repeat the question, word by word; add :data:`SHOWCASE` when it says "showcase".

    The result of a tool is quoted.
    """
    question = messages[-1]["content"]
    who = "The tool" if messages[-1]["role"] == "tool" else "You"
    text = f"{who} said: {question}"
    if len(messages) > 1:
        text += f"\n(message {len(messages)} of our conversation)"
    if "showcase" in question.lower():
        text += f"\n{SHOWCASE}"
    return words(text)


def words(text: str) -> list[str]:
    """Cut *text* into tokens as models do: a word with the white space before it."""
    return re.findall(r"\s*\S+|\s+$", text)


def unflatten(text: str) -> Messages:
    """Messages from the one text that Myshell and Open Assistant are sent.

    A text without the closing ``Assistant:`` is one message of the user.
    """
    head, mark, rest = text.rpartition("\nAssistant:")
    turns = list(_TURN.finditer(head))
    if not mark or rest or not turns or turns[0].start():
        return [{"role": "user", "content": text}]
    ends = [turn.start() - 1 for turn in turns[1:]] + [len(head)]
    return [
        {"role": turn[1].lower(), "content": head[turn.end() : end]}
        for turn, end in zip(turns, ends, strict=True)
    ]
