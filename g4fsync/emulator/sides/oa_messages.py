"""Open Assistant's chats, messages and models, as its server keeps them.

Facts from the published server source (state of 2024-01): members of chats and
messages, states, the checks on parents, and their texts.  A guess: the text for
a parent of an assistant message that is not a prompter's.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ..checks import Wrong, kind_problem
from ..replies import Messages, unflatten

_NAMES = """
    _lorem distilgpt2 OA_SFT_Pythia_12B OA_SFT_Pythia_12Bq OA_SFT_Pythia_12B_4
    OA_SFT_Pythia_12Bq_4 OA_SFT_Llama_7B OA_SFT_Llama_13B OA_SFT_Llama_13Bq OA_SFT_Llama_30B
    OA_SFT_Llama_30Bq OA_SFT_Llama_30B_2 OA_SFT_Llama_30Bq_2 OA_SFT_Llama_30B_5
    OA_SFT_Llama_30Bq_5 OA_SFT_Llama_30B_6 OA_SFT_Llama_30Bq_6 OA_SFT_Llama_30B_7
    OA_SFT_Llama_30Bq_7 OA_SFT_Llama_30B_7e3 OA_RLHF_Llama_30B_2_7k Carper_RLHF_13B_1
    Carper_RLHF_13Bq_1 OA_SFT_Llama2_70B_10 OA_SFT_CodeLlama_13B_10"""
MODELS = tuple(_NAMES.split())
SAMPLING = {
    "top_k": "integer or null",
    "top_p": "number or null",
    "typical_p": "number or null",
    "temperature": "number or null",
    "repetition_penalty": "number or null",
    "max_new_tokens": "integer",
}
LIMIT_WINDOW_SECONDS = 600


class TooMany(Wrong):
    """The rate limit, which the server means as a 429 and fails to say."""

    def __init__(self) -> None:
        super().__init__(500, f"more messages in {LIMIT_WINDOW_SECONDS} s than allowed")


@dataclass
class StoredMessage:
    """One message; it changes while it is being answered."""

    chat_id: str
    role: str
    content: str | None
    parent_id: str | None
    state: str
    work: Mapping[str, Any] | None = None
    id: str = field(default_factory=lambda: _uuid7())
    created_at: str = field(default_factory=lambda: _now())

    def value(self) -> dict[str, Any]:
        """As the server writes it."""
        return {
            "id": self.id,
            "parent_id": self.parent_id,
            "content": self.content,
            "chat_id": self.chat_id,
            "created_at": self.created_at,
            "role": self.role,
            "state": self.state,
            "score": 0,
            "work_parameters": self.work,
            "reports": [],
            "safe_content": None,
            "safety_level": None,
            "safety_label": None,
            "safety_rots": None,
            "used_plugin": None,
        }


@dataclass
class Chat:
    """One chat with its messages, oldest first."""

    user: str
    id: str = field(default_factory=lambda: _uuid7())
    created_at: str = field(default_factory=lambda: _now())
    messages: dict[str, StoredMessage] = field(default_factory=dict)

    def value(self, *, full: bool = False) -> dict[str, Any]:
        """As the server writes it; *full* with its messages."""
        first = next(iter(self.messages.values()), None)
        value: dict[str, Any] = {
            "id": self.id,
            "created_at": self.created_at,
            "modified_at": self.created_at,
            "title": first.content if first else None,
            "hidden": False,
            "allow_data_use": True,
            "active_thread_tail_message_id": None,
        }
        if full:
            value["messages"] = [message.value() for message in self.messages.values()]
        return value

    def message(self, message_id: Any, status: int, missing: str) -> StoredMessage:
        """The message of that id, or :class:`Wrong`."""
        if message_id not in self.messages:
            raise Wrong(status, missing)
        return self.messages[message_id]

    def question(self, answer: StoredMessage) -> Messages:
        """The conversation that *answer* goes on, for a reply to read."""
        prompt = (answer.work or {}).get("system_prompt")
        system: Messages = [{"role": "system", "content": prompt}] if prompt else []
        turns: Messages = []
        parent_id = answer.parent_id
        while parent_id:
            parent = self.messages[parent_id]
            role = "user" if parent.role == "prompter" else "assistant"
            turns.append({"role": role, "content": parent.content or ""})
            parent_id = parent.parent_id
        turns.reverse()
        if len(turns) > 1:
            return [*system, *turns]
        # The reference puts a whole history into the first message, wrapped.
        text = turns[0]["content"]
        wrapped = re.fullmatch(r"<s>\[INST\]\n(.*)\n\[/INST\]", text, re.DOTALL)
        return [*system, *unflatten(wrapped[1] if wrapped else text)]


class Store:
    """All chats of one server, and its rules about them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards all that follows
        self.chats: dict[str, Chat] = {}
        self.allowed: tuple[str, ...] = MODELS
        self.limit: int | None = None  # assistant messages per user in LIMIT_WINDOW_SECONDS
        self.one_at_a_time = False
        self.max_content_length = 100_000
        self._asked: dict[str, list[float]] = {}

    def clear(self) -> None:
        """Forget all chats and who asked how often."""
        with self._lock:
            self.chats.clear()
            self._asked.clear()

    def ids(self) -> tuple[str, ...]:
        """Ids of the chats that exist, oldest first."""
        with self._lock:
            return tuple(self.chats)

    def create(self, user: str) -> Chat:
        """A new chat."""
        chat = Chat(user)
        with self._lock:
            self.chats[chat.id] = chat
        return chat

    def chat(self, user: str, chat_id: Any) -> Chat:
        """The chat of that id, if it is the user's, or :class:`Wrong` 404."""
        with self._lock:
            chat = self.chats.get(chat_id)
        if chat is None or chat.user != user:
            raise Wrong(404, "Chat not found")
        return chat

    def delete(self, user: str, chat_id: Any) -> None:
        """Take the chat away."""
        self.chat(user, chat_id)
        with self._lock:
            del self.chats[chat_id]

    def add_prompter(
        self, chat: Chat, body: Mapping[str, Any], accepted: Callable[[], None]
    ) -> StoredMessage:
        """Step 2: what the user says."""
        if len(body["content"]) > self.max_content_length:
            raise Wrong(413, "Message content exceeds max length")
        parent_id = body["parent_id"]
        if parent_id is None:
            if chat.messages:
                raise Wrong(400, "Trying to add first message to non-empty chat")
        else:
            parent = chat.message(parent_id, 400, "Parent message not found")
            if parent.role != "assistant":
                raise Wrong(400, "Parent message is not an assistant message")
            if parent.state != "complete":
                raise Wrong(400, "Parent message is not complete")
        accepted()
        message = StoredMessage(chat.id, "prompter", body["content"], parent_id, "manual")
        chat.messages[message.id] = message
        return message

    def add_assistant(
        self, chat: Chat, body: Mapping[str, Any], accepted: Callable[[], None]
    ) -> StoredMessage:
        """Step 3: the answer, still to be made."""
        check_sampling(body["sampling_parameters"])
        model = body["model_config_name"]
        if model not in MODELS:
            raise Wrong(422, f"Model {model} not found")
        if model not in self.allowed:
            raise Wrong(422, f"Model {model} not in allowed models: {','.join(self.allowed)}")
        # An unknown parent is a failure inside the server, with an empty body.
        if body["parent_id"] not in chat.messages:
            raise Wrong(500, "Parent message not found", body=b"")
        parent = chat.messages[body["parent_id"]]
        if parent.role != "prompter":
            raise Wrong(400, "Parent message is not a prompter message")
        self._count(chat.user)
        accepted()
        with self._lock:
            if self.one_at_a_time:
                self._cancel_others(chat.user, parent.id)
        message = StoredMessage(chat.id, "assistant", None, parent.id, "pending", _work(body))
        chat.messages[message.id] = message
        return message

    def _count(self, user: str) -> None:
        now = time.monotonic()
        with self._lock:
            asked = self._asked.setdefault(user, [])
            asked[:] = [then for then in asked if now - then < LIMIT_WINDOW_SECONDS]
            if self.limit is not None and len(asked) >= self.limit:
                raise TooMany
            asked.append(now)

    def _cancel_others(self, user: str, parent_id: str) -> None:
        for chat in self.chats.values():
            for message in chat.messages.values():
                if (
                    chat.user == user
                    and message.role == "assistant"
                    and message.state == "pending"
                    and message.parent_id != parent_id
                ):
                    message.state = "cancelled"


def check_sampling(sampling: Mapping[str, Any]) -> None:
    """Types of the sampling parameters, or :class:`Wrong` 422 with a list; others are ignored."""
    problems = []
    for name, kind in SAMPLING.items():
        if name in sampling and (problem := kind_problem(sampling[name], kind)):
            where = ["body", "sampling_parameters", name]
            problems.append({"loc": where, "msg": problem, "type": "type_error"})
    if problems:
        raise Wrong(422, f"{problems[0]['loc']}: {problems[0]['msg']}", detail=problems)


def _work(body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "model_config": {
            "model_id": body["model_config_name"],
            "max_input_length": 1024,
            "max_total_length": 1792,
            "quantized": False,
        },
        "sampling_parameters": body["sampling_parameters"],
        "do_sample": True,
        "seed": 1,
        "system_prompt": body.get("system_prompt"),
        "user_profile": body.get("user_profile"),
        "user_response_instructions": body.get("user_response_instructions"),
        "plugins": body["plugins"],
        "plugin_max_depth": 4,
    }


def _uuid7() -> str:
    bits = (time.time_ns() // 1_000_000 << 80) | secrets.randbits(80)
    bits = bits & ~(0xF << 76) | (7 << 76)
    return str(uuid.UUID(int=bits & ~(3 << 62) | (2 << 62)))


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")
