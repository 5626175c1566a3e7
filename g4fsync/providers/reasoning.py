"""How ``reasoning_effort`` is written for each service that speaks chat completions.

Each way is named by its field.  Services that only turn thinking on and off take
``"none"`` and ``"high"``: any word between would be dropped there.

============================  ================================================
``effort``                    ``reasoning_effort``, OpenAI's own field
``none or high``              the same field, of which these two words are known (Cohere)
``thinking``                  ``thinking.type`` (Moonshot, Z.ai)
``thinking or effort``        ``thinking.type`` for none, else ``reasoning_effort`` (DeepSeek)
``enable_thinking``           a boolean at the top (Alibaba, SiliconFlow, Novita)
``chat_template_kwargs``      ``enable_thinking`` in it (Friendli)
``chat_template_args``        ``enable_thinking`` in it (Baseten)
``reasoning.effort``          OpenRouter, Vercel
``reasoning.enabled``         DeepInfra
``refused``                   the service has no switch, or ignores it
============================  ================================================

The sources are those of :mod:`.preset_row`; DeepSeek's is its guide to thinking mode.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import InvalidRequest

_SWITCHES: Mapping[str, Callable[[bool], dict[str, Any]]] = {
    "thinking": lambda on: {"thinking": {"type": "enabled" if on else "disabled"}},
    "enable_thinking": lambda on: {"enable_thinking": on},
    "chat_template_kwargs": lambda on: {"chat_template_kwargs": {"enable_thinking": on}},
    "chat_template_args": lambda on: {"chat_template_args": {"enable_thinking": on}},
    "reasoning.enabled": lambda on: {"reasoning": {"enabled": on}},
}
WAYS = ("effort", "none or high", "thinking or effort", "reasoning.effort", "refused", *_SWITCHES)


def reasoning_fields(effort: str, way: str, provider: str) -> dict[str, Any]:
    """The fields of a request that ask for *effort* in the *way* of *provider*.

    ``InvalidRequest`` for an effort that has no place there.
    """
    if way == "refused":
        raise InvalidRequest(
            f"option reasoning_effort: {provider} has no field for it; "
            "what it has instead goes into extra_body"
        )
    if way == "reasoning.effort":
        return {"reasoning": {"effort": effort}}
    if way == "thinking or effort" and effort == "none":
        return {"thinking": {"type": "disabled"}}
    if way in ("effort", "thinking or effort"):
        return {"reasoning_effort": effort}
    if effort not in ("none", "high"):
        raise InvalidRequest(
            f"option reasoning_effort: {provider} turns thinking on or off: "
            f"write 'high' or 'none', not {effort!r:.80}"
        )
    if way == "none or high":
        return {"reasoning_effort": effort}
    return _SWITCHES[way](effort == "high")
