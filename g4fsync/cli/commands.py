"""What a line typed in ``g4fsync chat`` does: a question, or one of the commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from .. import registry
from ..errors import ConfigurationError, InvalidRequest
from .input import encodable
from .terminal import Terminal

if TYPE_CHECKING:
    from ..archive.conversation import Conversation
    from ..call.stream import ChatStream

COMMANDS = {
    "model": ("/model [MODEL]", "show or change whom is asked"),
    "system": ("/system [TEXT]", "show or change the instructions"),
    "retry": ("/retry", "ask the last question again"),
    "fork": ("/fork [N]", "go on in a new conversation, without the last N turns"),
    "save": ("/save FILE", "write the talk to a new file (.json, or text)"),
    "help": ("/help", "show this"),
    "quit": ("/quit", "leave; so does Ctrl-D"),
}


class Talk:
    """The conversation at the terminal, and what commands do to it."""

    def __init__(self, conversation: Conversation, model: str, terminal: Terminal) -> None:
        self.now = conversation
        self.model = model
        self.is_over = False
        self._terminal = terminal

    def obey(self, text: str) -> ChatStream | None:
        """Do what *text* says; the stream of an answer, when there is to be one."""
        if not text.strip():
            return None
        if not text.startswith("/") or text.startswith("//"):
            question = encodable(
                "the question", text.removeprefix("/") if text[:2] == "//" else text
            )
            return self.now.chat(question, model=self.model)
        name, _, rest = text[1:].partition(" ")
        command = getattr(self, f"_{name}", None) if name in COMMANDS else None
        if command is None:
            raise InvalidRequest(
                f"no command /{name:.40}; /help shows them (// begins a text with /)"
            )
        stream: ChatStream | None = command(rest.strip())
        return stream

    def _retry(self, _: str) -> ChatStream:
        return self.now.retry_chat(model=self.model)

    def _help(self, _: str) -> None:
        for usage, what in COMMANDS.values():
            self._terminal.note(f"{usage:16} {what}")

    def _quit(self, _: str) -> None:
        self.is_over = True

    def _model(self, name: str) -> None:
        if name:
            provider, model = registry.split(name)
            provider().model_name(model)  # raises for a model there is none of
            self.model = name
        self._terminal.note(f"model: {self.model}")

    def _system(self, text: str) -> None:
        if text:
            self.now.system = encodable("the system text", text)
        self._terminal.note(f"system: {self.now.system or 'none'}")

    def _fork(self, count: str) -> None:
        if count and not count.isdecimal():
            raise InvalidRequest(f"/fork takes a number of turns, got {count!r:.40}")
        starts = [at for at, message in enumerate(self.now.messages) if message.role == "user"]
        turns = int(count or 0)
        if turns > len(starts):
            raise InvalidRequest(f"/fork {turns}: there are {len(starts)} turns")
        self.now = self.now.fork(at=starts[-turns] if turns else None)
        self._terminal.note(f"a new conversation, {len(self.now.messages)} messages")

    def _save(self, name: str) -> None:
        if not name:
            raise InvalidRequest("/save takes the name of a new file")
        path = Path(name).expanduser()
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(_saved(self.now, is_json=path.suffix == ".json"))
        except FileExistsError:
            raise ConfigurationError(f"{path} is there already; choose another name") from None
        except OSError as exc:
            raise ConfigurationError(f"{path}: {exc.strerror}") from exc
        self._terminal.note(f"saved: {path}")


def _saved(conversation: Conversation, *, is_json: bool) -> str:
    if is_json:
        from ..archive.rows import as_mappings

        return json.dumps(as_mappings(conversation.messages), ensure_ascii=False, indent=1) + "\n"
    return "\n\n".join(f"## {m.role}\n\n{m.content}" for m in conversation.messages) + "\n"
