"""``with_raw_response``: the same calls, whose answers come with their status and headers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .arguments import NOT_GIVEN

if TYPE_CHECKING:
    from .chat_calls import Chat, Completions
    from .client import OpenAI
    from .model_list import Models
    from .response_calls import Responses
    from .streams import RawResponse


class RawCompletions:
    """``chat.completions.with_raw_response``."""

    def __init__(self, completions: Completions) -> None:
        self._completions = completions

    def create(
        self, *, messages: Any = NOT_GIVEN, model: Any = NOT_GIVEN, **arguments: Any
    ) -> RawResponse[Any]:
        """As :meth:`.Completions.create`, in a :class:`.RawResponse`."""
        return self._completions._answer(messages, model, arguments, raw=True)  # type: ignore[no-any-return]

    def parse(
        self, *, messages: Any, model: Any, response_format: Any = NOT_GIVEN, **arguments: Any
    ) -> RawResponse[Any]:
        """As :meth:`.Completions.parse`, whose reading is done by the answer's own ``parse()``."""
        return self._completions._parse(messages, model, response_format, arguments, raw=True)  # type: ignore[no-any-return]


class RawChat:
    """``chat.with_raw_response``."""

    def __init__(self, chat: Chat) -> None:
        self.completions = RawCompletions(chat.completions)


class RawResponses:
    """``responses.with_raw_response``."""

    def __init__(self, responses: Responses) -> None:
        self._responses = responses

    def create(self, **arguments: Any) -> RawResponse[Any]:
        """As :meth:`.Responses.create`, in a :class:`.RawResponse`."""
        found: RawResponse[Any] = self._responses._answer(arguments, raw=True)
        return found


class RawModels:
    """``models.with_raw_response``."""

    def __init__(self, models: Models) -> None:
        self.list = models._raw_list
        self.retrieve = models._raw_retrieve


class RawClient:
    """``client.with_raw_response``."""

    def __init__(self, client: OpenAI) -> None:
        self.chat = RawChat(client.chat)
        self.models = RawModels(client.models)
        self.responses = RawResponses(client.responses)
