"""Open-Assistant: a chat is created, asked, streamed and deleted.

open-assistant.io closed in late 2023; its software is open source, and anyone
can run it.  It has two faces: the *site* that browsers use, and the *inference*
server behind it.  Facts, from the published server source (2024-01) and runs of
its web framework:

* Site: ``POST /api/chat``, ``/api/chat/prompter_message``,
  ``/api/chat/assistant_message``, ``/api/chat/events?chat_id&message_id``,
  ``DELETE /api/chat?chat_id``; session cookie of NextAuth 4, or the same token
  as bearer.  A missing or stale one is a 403 with an empty body.
* Inference: the same below ``/chats``, ids in the path, events by GET only;
  bearer token or a ``TrustedClient`` header (base64 of JSON).  A trusted user
  that does not exist yet is created by ``POST /auth/trusted``.
* Events: ``pending`` (queue), ``token``, ``plugin_intermediate``, and as the end
  ``message`` or ``error``.  An answer that has already finished is a 204, on
  the site an empty 200; then the message is fetched.
* The rate limit (20 answers in 600 s) was meant to be a 429, but arrives as a
  500 with a text: the server fails while making it.
* Assistant turns can't be uploaded, so the whole history goes into one message.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Generator, Iterator, Mapping
from typing import Any, Literal
from urllib.parse import quote

from ..errors import InvalidRequest, ProviderError, RateLimited, ServerError
from ..events import Event, Finish, Reasoning
from ..messages import ChatRequest, flatten
from ..transport.base import Response, Transport
from .base import MAC_CHROME, Provider

# The preset "k50-Plugins" of the server; any of them can be replaced by an option.
SAMPLING: Mapping[str, Any] = {
    "top_k": 50,
    "top_p": None,
    "typical_p": None,
    "temperature": 0.35,
    "repetition_penalty": 1 / 0.9,
    "max_new_tokens": 1024,
}
_MODELS = """
    _lorem distilgpt2
    OA_SFT_Pythia_12B OA_SFT_Pythia_12Bq OA_SFT_Pythia_12B_4 OA_SFT_Pythia_12Bq_4
    OA_SFT_Llama_7B OA_SFT_Llama_13B OA_SFT_Llama_13Bq
    OA_SFT_Llama_30B OA_SFT_Llama_30Bq OA_SFT_Llama_30B_2 OA_SFT_Llama_30Bq_2
    OA_SFT_Llama_30B_5 OA_SFT_Llama_30Bq_5 OA_SFT_Llama_30B_6 OA_SFT_Llama_30Bq_6
    OA_SFT_Llama_30B_7 OA_SFT_Llama_30Bq_7 OA_SFT_Llama_30B_7e3
    OA_RLHF_Llama_30B_2_7k Carper_RLHF_13B_1 Carper_RLHF_13Bq_1
    OA_SFT_Llama2_70B_10 OA_SFT_CodeLlama_13B_10
"""
_WORKER_FAILED = ("Timeout", "Aborted due to worker error.")


class OpenAssistant(Provider):
    """Chat with an Open-Assistant installation; ``base_url`` names yours.

    ``face`` is ``"site"`` (cookies, or the session token as ``api_keys`` entry)
    or ``"inference"`` (bearer token as ``api_keys`` entry, or ``trusted_client``:
    a mapping with ``api_key``, ``client``, ``user_id``, ``provider_account_id``,
    ``username``).  ``wrap`` puts the prompt between ``[INST]`` marks, by default
    on the site only.  Options are the server's sampling parameters; ``max_tokens``
    is its ``max_new_tokens``.

    One account can't wait for two answers at once: the server cancels the first.
    """

    name = "openassistant"
    url = "https://open-assistant.io/chat"
    base_url = "https://open-assistant.io"
    default_model = "OA_SFT_Llama_30B_6"
    models: Mapping[str, str] = {name: name for name in _MODELS.split()}
    open_models = True
    status = "self-hosted"
    options = frozenset({*SAMPLING, "max_tokens"})
    headers = MAC_CHROME

    def __init__(
        self,
        base_url: str | None = None,
        *,
        face: Literal["site", "inference"] = "site",
        wrap: bool | None = None,
        trusted_client: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(base_url)
        if face not in ("site", "inference"):
            raise InvalidRequest(f'face is "site" or "inference", got {face!r}', provider=self.name)
        self.needs_cookies = face == "site"
        self.wrap = face == "site" if wrap is None else wrap
        self._face = _Site() if face == "site" else _Inference(trusted_client)

    def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
        face = self._face
        chat = face.create(transport)["id"]
        try:
            text = flatten(request.messages)
            content = f"<s>[INST]\n{text}\n[/INST]" if self.wrap else text
            prompt = {"parent_id": None, "content": content}
            parent = face.post(transport, chat, "prompter_message", prompt)
            try:
                body = assistant_body(request, parent["id"])
                reply = face.post(transport, chat, "assistant_message", body)
            except ServerError as error:
                raise _limit_or(error) from error
            some = yield from streamed(face.events(transport, chat, reply["id"]))
            if not some:  # it had finished before it was asked for
                yield from finished(face.message(transport, chat, reply["id"]))
        finally:
            # The chat is ours to delete even when the caller gave up half-way.
            with transport.cleanup(seconds=5):
                face.delete(transport, chat)


def assistant_body(request: ChatRequest, parent: str) -> dict[str, Any]:
    """The request for an answer: the model, and how it is to sample."""
    sampling = {**SAMPLING, **request.options}
    if "max_tokens" in sampling:
        sampling["max_new_tokens"] = sampling.pop("max_tokens")
    return {
        "parent_id": parent,
        "model_config_name": request.model,
        "sampling_parameters": sampling,
        "plugins": [],
    }


def streamed(response: Response) -> Generator[str | Event, None, bool]:
    """The tokens of an event stream up to its end mark; false when it was empty."""
    some = text = False
    for event in response.events(empty_ok=True) if response.status != 204 else ():
        some = True
        if event.event == "ping":  # older servers' heartbeat, not JSON
            continue
        value = event.json()
        kind = value.get("event_type", event.event)
        if kind == "token":
            if value["text"] != "":
                text = True
                yield value["text"]
        elif kind == "plugin_intermediate":
            yield Reasoning(value["current_plugin_thought"])
        elif kind == "message":
            # The final content may be trimmed at its edges, so the tokens win.
            yield from finished(value["message"], with_text=not text)
            return True
        elif kind == "error":
            message = str(value["error"])
            failure = ServerError if message in _WORKER_FAILED else ProviderError
            raise failure(message, status=200, body=event.data)
    return some


def finished(message: Mapping[str, Any], *, with_text: bool = True) -> Iterator[str | Event]:
    """What a message object says: its text, and that it is whole; or what became of it."""
    state = message["state"]
    if state != "complete":
        raise ProviderError(f"the answer is {state}", code=state)
    if with_text:
        yield message["content"]
    yield Finish("stop", raw=state)


def _limit_or(error: ServerError) -> ProviderError:
    """The rate limit that arrives as a 500 with a text; an empty one is a real failure."""
    if error.status != 500 or not error.body:
        return error
    return RateLimited(
        "HTTP 500, which is how this server reports its rate limit (20 answers in 600 s)",
        status=500,
        body=error.body,
        retryable=False,  # the limit lasts minutes
    )


class _Site:
    """The face that browsers see."""

    def create(self, transport: Transport) -> Any:
        return transport.post("/api/chat", headers=_bearer(transport)).json()

    def post(self, transport: Transport, chat: str, what: str, body: dict[str, Any]) -> Any:
        body = {"chat_id": chat, **body}
        reply = transport.post(f"/api/chat/{what}", json=body, headers=_bearer(transport)).json()
        if "id" not in reply and "message" in reply:
            raise ProviderError(f"{what}: {reply['message']}", status=200, body=json.dumps(reply))
        return reply

    def events(self, transport: Transport, chat: str, message: str) -> Response:
        params = {"chat_id": chat, "message_id": message}
        return transport.post("/api/chat/events", params=params, headers=_bearer(transport))

    def message(self, transport: Transport, chat: str, message: str) -> Any:
        params = {"chat_id": chat, "message_id": message}
        path = "/api/chat/message"
        return transport.get(path, params=params, headers=_bearer(transport)).json()

    def delete(self, transport: Transport, chat: str) -> None:
        transport.delete("/api/chat", params={"chat_id": chat}, headers=_bearer(transport))


class _Inference:
    """The server behind the site, asked directly."""

    def __init__(self, trusted_client: Mapping[str, str] | None) -> None:
        self._trusted_client = trusted_client

    def create(self, transport: Transport) -> Any:
        try:
            return self._create(transport)
        except ProviderError as error:
            if error.status != 404 or self._trusted_client is None:
                raise
        # The trusted client's user is not known yet.
        transport.post("/auth/trusted", json={}, headers=self._headers(transport))
        return self._create(transport)

    def _create(self, transport: Transport) -> Any:
        return transport.post("/chats", json={}, headers=self._headers(transport)).json()

    def post(self, transport: Transport, chat: str, what: str, body: dict[str, Any]) -> Any:
        path = f"{_chat_path(chat)}/{what}"
        return transport.post(path, json=body, headers=self._headers(transport)).json()

    def events(self, transport: Transport, chat: str, message: str) -> Response:
        headers = {"Accept": "text/event-stream", **self._headers(transport)}
        return transport.get(f"{_message_path(chat, message)}/events", headers=headers)

    def message(self, transport: Transport, chat: str, message: str) -> Any:
        headers = self._headers(transport)
        return transport.get(_message_path(chat, message), headers=headers).json()

    def delete(self, transport: Transport, chat: str) -> None:
        transport.delete(_chat_path(chat), headers=self._headers(transport))

    def _headers(self, transport: Transport) -> dict[str, str]:
        if self._trusted_client is None:
            return _bearer(transport)
        who = json.dumps(dict(self._trusted_client)).encode()
        return {"TrustedClient": base64.b64encode(who).decode()}


def _bearer(transport: Transport) -> dict[str, str]:
    return {"Authorization": f"Bearer {transport.api_key}"} if transport.api_key else {}


def _chat_path(chat: str) -> str:
    return f"/chats/{quote(chat, safe='')}"


def _message_path(chat: str, message: str) -> str:
    return f"{_chat_path(chat)}/messages/{quote(message, safe='')}"
