r"""The far side of Open Assistant: the site, and the inference server behind it.

Facts from the published server source (state of 2024-01) and from the wire of
the reference client: the site's ``/api/chat...`` wants the session cookie (else
403 with an empty body) and passes on what the inference server's ``/chats...``
says; that one wants a bearer token or a trusted-client header.  Events are
``data: {...}`` with CR LF line ends, Python's JSON with ``\u`` escapes, and
``: ping - TIME`` comments; ``message`` or ``error`` is the end.  The site sends no
Content-Type with them.  A finished message is 204, on the site 200 with an
empty body.  Errors are ``{"message": ...}`` on the site where it catches them
(steps 2 and 3), else 500 ``Internal Server Error``; ``{"detail": ...}`` on the
inference server.  The rate limit comes out as a 500.

Both faces live under one base URL and keep the same chats.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from datetime import datetime, timezone
from types import MappingProxyType
from typing import Any

from ..checks import Wrong, check_browser, check_object
from ..encoding import compact, spaced
from ..exchange import Exchange, PlannedRefusal
from ..farside import Pace
from ..faults import AlreadyFinished, InBandError, NoEndMark
from ..http import HTTPFarSide, Route
from ..replies import Reply
from .oa_accounts import COOKIE, SESSION, Accounts
from .oa_messages import MODELS, Chat, Store, StoredMessage, TooMany

CHAT = r"/chats/(?P<chat_id>[^/]+)"
MESSAGE = rf"{CHAT}/messages/(?P<message_id>[^/]+)"
PROMPTER = {"chat_id": "string", "content": "string", "parent_id": "string or null"}
ASSISTANT = {
    "chat_id": "string",
    "parent_id": "string",
    "model_config_name": "string",
    "sampling_parameters": "object",
    "plugins": "array",
}
ASSISTANT_OPTIONAL = {
    "system_prompt": "string or null",
    "user_profile": "string or null",
    "user_response_instructions": "string or null",
}
#: What the site catches the errors of; for others it says 500.
CAUGHT = ("prompter_message", "assistant_message")
PLUGIN_STEP = {
    "event_type": "plugin_intermediate",
    "current_plugin_thought": "I should look it up",
    "current_plugin_action_taken": "search",
    "current_plugin_action_input": "emulator",
    "current_plugin_action_response": "nothing found",
    "message": None,
}


class OpenAssistantSide(HTTPFarSide):
    """Open Assistant's site and inference server.

    The calls of a conversation, for :class:`~g4fsync.emulator.faults.At`, are
    ``create``, ``prompter_message``, ``assistant_message``, ``events`` and ``delete``; others are
    ``message``, ``chat``, ``models``.

    ``queue_positions``, ``pending_seconds``
        the ``pending`` events before an answer, and the time between them.
    ``store.limit``
        assistant messages a user may start in 600 s; ``None``: any number.
    ``store.one_at_a_time``
        as the real server, cancel a pending answer (it is ``pending`` for ever) when
        its user starts another one elsewhere.
    ``store.allowed``
        the models this installation has.
    """

    name = "openassistant"
    answering = "events"

    def __init__(self, reply: Reply, pace: Pace) -> None:
        super().__init__(reply, pace)
        self.keepalive_seconds = 15.0
        self.queue_positions: Sequence[int] = (1, 0)
        self.pending_seconds = 0.0
        self.store = Store()
        self.accounts = Accounts()

    @property
    def chats(self) -> tuple[str, ...]:
        """Ids of the chats that exist and were not deleted."""
        return self.store.ids()

    def cookies(self) -> Mapping[str, str]:
        """A session cookie."""
        return MappingProxyType({COOKIE: SESSION})

    def clear(self) -> None:
        """Forget the chats too."""
        super().clear()
        self.store.clear()

    def routes(self) -> Sequence[Route]:
        """Both faces."""
        accounts = self.accounts
        return (
            Route("POST", "/api/chat", "create", self._create),
            Route("POST", "/api/chat/prompter_message", "prompter_message", self._prompter),
            Route("POST", "/api/chat/assistant_message", "assistant_message", self._assistant),
            Route("POST", "/api/chat/events", "events", self._events),
            Route("GET", "/api/chat/events", "events", self._events),
            Route("GET", "/api/chat/message", "message", self._message),
            Route("GET", "/api/chat/models", "models", self._models),
            Route("GET", "/api/chat", "chat", self._chat),
            Route("DELETE", "/api/chat", "delete", self._delete),
            Route("POST", "/chats", "create", self._create),
            Route("POST", f"{CHAT}/prompter_message", "prompter_message", self._prompter),
            Route("POST", f"{CHAT}/assistant_message", "assistant_message", self._assistant),
            Route("GET", f"{MESSAGE}/events", "events", self._events),
            Route("GET", MESSAGE, "message", self._message),
            Route("GET", CHAT, "chat", self._chat),
            Route("DELETE", CHAT, "delete", self._delete),
            Route("GET", "/configs/model_configs", "models", self._models),
            Route("GET", "/auth/callback/debug", "login", accounts.debug_login),
            Route("GET", "/auth/refresh", "refresh", accounts.refresh),
            Route("GET", "/auth/check", "check", accounts.check),
            Route("POST", "/auth/trusted", "trusted", accounts.trust),
        )

    def refusal(self, exchange: Exchange, wrong: Wrong) -> tuple[bytes, str | None]:
        """The site's or the inference server's shape."""
        if wrong.body is not None:
            return wrong.body, "text/plain; charset=utf-8" if wrong.body else None
        if not _on_site(exchange):
            return compact({"detail": wrong.detail}), "application/json"
        if exchange.call in CAUGHT or isinstance(wrong, PlannedRefusal):
            return compact({"message": wrong.detail}), "application/json; charset=utf-8"
        if self.status_of(exchange, wrong) != 500:
            return b"", None
        return b"Internal Server Error", "text/plain; charset=utf-8"

    def status_of(self, exchange: Exchange, wrong: Wrong) -> int:
        """The site turns what it does not catch into a 500."""
        caught = exchange.call in CAUGHT or isinstance(wrong, PlannedRefusal)
        if not _on_site(exchange) or caught or not exchange.call or wrong.status == 403:
            return wrong.status
        return 500

    def _create(self, exchange: Exchange) -> None:
        user = self._user(exchange)
        if _on_site(exchange):
            if exchange.content:
                raise Wrong(400, f"body: expected none, got {exchange.content[:80]!r}")
        elif exchange.body() not in ({}, ""):
            raise _invalid("body: expected {}")
        exchange.accepted()
        exchange.json(200, self.store.create(user).value())

    def _prompter(self, exchange: Exchange) -> None:
        chat, body = self._asked(exchange, PROMPTER, {})
        exchange.json(200, self.store.add_prompter(chat, body, exchange.accepted).value())

    def _assistant(self, exchange: Exchange) -> None:
        chat, body = self._asked(exchange, ASSISTANT, ASSISTANT_OPTIONAL)
        try:
            message = self.store.add_assistant(chat, body, exchange.accepted)
        except TooMany as wrong:
            if _on_site(exchange):
                wrong.detail = "Something went wrong"
            else:
                wrong.body = b"Internal Server Error"
            raise
        exchange.json(200, message.value())

    def _events(self, exchange: Exchange) -> None:
        chat, message = self._where(exchange)
        if message.role != "assistant":
            raise Wrong(400, "Only assistant messages can be streamed.")
        exchange.accepted()
        if finished := exchange.find(AlreadyFinished):
            message.state = finished.state
            if finished.state == "complete":
                message.content = "".join(self.tokens(exchange, chat.question(message)))
        if message.state not in ("pending", "cancelled"):
            exchange.send(200 if _on_site(exchange) else 204)
            return
        exchange.keepalive = b": ping - %b\r\n\r\n" % _ping_time()
        content_type = None if _on_site(exchange) else "text/event-stream; charset=utf-8"
        exchange.stream(self._stream(exchange, chat, message), content_type)

    def _message(self, exchange: Exchange) -> None:
        exchange.json(200, self._where(exchange)[1].value())

    def _chat(self, exchange: Exchange) -> None:
        chat_id = _chat_id(exchange)
        user = self._user(exchange)
        exchange.json(200, self.store.chat(user, chat_id).value(full=True))

    def _models(self, exchange: Exchange) -> None:
        exchange.json(
            200,
            [
                {"name": name, "description": "", "parameter_configs": []}
                for name in MODELS
                if name in self.store.allowed
            ],
        )

    def _delete(self, exchange: Exchange) -> None:
        user = self._user(exchange)
        self.store.chat(user, _chat_id(exchange))
        exchange.accepted()
        self.store.delete(user, _chat_id(exchange))
        exchange.send(200)

    def _stream(
        self, exchange: Exchange, chat: Chat, message: StoredMessage
    ) -> Generator[bytes, None, None]:
        for position in self.queue_positions:
            yield _pending(position, max(self.queue_positions))
            if self.pending_seconds:
                exchange.wait(self.pending_seconds)
        while message.state == "cancelled":
            exchange.wait(self.pending_seconds or 1.0)
            yield _pending(0, 0)
        message.state = "in_progress"
        text = ""
        for number, token in enumerate(self.tokens(exchange, chat.question(message))):
            if self.noise and not number:
                yield _event(PLUGIN_STEP)
                yield _event({"event_type": "token", "text": ""})
                yield b": ping - %b\r\n\r\n" % _ping_time()
                yield b"event: ping\r\ndata: %b\r\n\r\n" % _ping_time()
            text += token
            yield _event({"event_type": "token", "text": token})
        if error := exchange.find(InBandError):
            message.state = "timeout" if error.message == "Timeout" else "aborted_by_worker"
            value = {"event_type": "error", "error": error.message, "message": message.value()}
            yield _event(value)
            return
        message.state, message.content = "complete", text.strip()
        if not exchange.find(NoEndMark):
            yield _event({"event_type": "message", "message": message.value()})

    def _asked(
        self, exchange: Exchange, fields: Mapping[str, str], optional: Mapping[str, str]
    ) -> tuple[Chat, dict[str, Any]]:
        user = self._user(exchange)
        wanted = dict(fields)
        if not _on_site(exchange):
            del wanted["chat_id"]
        try:
            body = check_object(exchange.body(), wanted, optional)
        except Wrong as wrong:
            raise _invalid(wrong.reason) from wrong
        return self.store.chat(user, body.get("chat_id", _chat_id(exchange))), body

    def _where(self, exchange: Exchange) -> tuple[Chat, StoredMessage]:
        chat = self.store.chat(self._user(exchange), _chat_id(exchange))
        message_id = exchange.groups.get("message_id") or exchange.query.get("message_id")
        return chat, chat.message(message_id, 404, "Message not found")

    def _user(self, exchange: Exchange) -> str:
        if _on_site(exchange):
            check_browser(exchange.headers)
            return self.accounts.site_user(exchange.headers)
        return self.accounts.server_user(exchange.headers)


def _on_site(exchange: Exchange) -> bool:
    return exchange.path.startswith("/api/")


def _chat_id(exchange: Exchange) -> str | None:
    return exchange.groups.get("chat_id") or exchange.query.get("chat_id")


def _invalid(reason: str) -> Wrong:
    where, _, problem = reason.partition(": ")
    detail = [{"loc": where.split("."), "msg": problem, "type": "value_error"}]
    return Wrong(422, reason, detail=detail)


def _event(value: Mapping[str, Any]) -> bytes:
    return b"data: %b\r\n\r\n" % spaced(value)


def _pending(position: int, size: int) -> bytes:
    return _event({"event_type": "pending", "queue_position": position, "queue_size": size})


def _ping_time() -> bytes:
    return str(datetime.now(timezone.utc).replace(tzinfo=None)).encode()
