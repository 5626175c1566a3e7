"""Agents of other libraries from PyPI, against every far side they speak to.

They send what an SDK's own examples do not: stored responses whole, tools that have to be called in
every turn, answers that are tools.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from functools import partial
from typing import Any

from cases import arguments, run

_URLS, KEY = arguments()
URLS = json.loads(_URLS)
os.environ |= {
    "OPENAI_BASE_URL": URLS["openai"],
    "OPENAI_API_KEY": KEY,
    "OPENAI_AGENTS_DISABLE_TRACING": "1",
}

import agents  # noqa: E402 - it reads the variables
import openai  # noqa: E402
from langchain_core.messages import HumanMessage  # noqa: E402
from langchain_core.tools import tool  # noqa: E402
from langchain_openai import ChatOpenAI  # noqa: E402
from pydantic import BaseModel  # noqa: E402
from pydantic_ai import Agent, NativeOutput  # noqa: E402
from pydantic_ai.models.anthropic import AnthropicModel  # noqa: E402
from pydantic_ai.models.google import GoogleModel  # noqa: E402
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel  # noqa: E402
from pydantic_ai.providers.anthropic import AnthropicProvider  # noqa: E402
from pydantic_ai.providers.google import GoogleProvider  # noqa: E402
from pydantic_ai.providers.ollama import OllamaProvider  # noqa: E402
from pydantic_ai.providers.openai import OpenAIProvider  # noqa: E402

QUESTION = "get_weather and get_time then get_time"


class Place(BaseModel):
    city: str
    days: int


def get_weather(city: str) -> str:
    """The weather of a city."""
    return "sunny"


def get_time(zone: str) -> str:
    """The time of a zone."""
    return "noon"


# -- openai-agents


def agent(model: Any, **more: Any) -> agents.Agent[Any]:
    tools = [agents.function_tool(each) for each in (get_weather, get_time)]
    return agents.Agent(name="a", instructions="Be brief.", model=model, tools=tools, **more)


def agent_answers(model: Any) -> Any:
    return agents.Runner.run_sync(agent(model), QUESTION).final_output


def agent_streams(model: Any) -> Any:
    async def answer() -> Any:
        result = agents.Runner.run_streamed(agent(model), QUESTION)
        async for _ in result.stream_events():
            pass
        return result.final_output

    return asyncio.run(answer())


def agent_goes_on(model: Any) -> Any:
    first = agents.Runner.run_sync(agent(model), "get_weather")
    more = [*first.to_input_list(), {"role": "user", "content": "And then?"}]
    return agents.Runner.run_sync(agent(model), more).final_output


def agent_hands_over(model: Any) -> Any:
    other = agents.Agent(name="b", model=model)
    result = agents.Runner.run_sync(agent(model, handoffs=[other]), "transfer_to_b")
    return [result.last_agent.name, result.final_output]


def agent_fits(model: Any) -> Any:
    wanted = agents.Agent(name="a", model=model, output_type=Place)
    return agents.Runner.run_sync(wanted, "Paris").final_output.model_dump()


# -- pydantic-ai

MODELS: dict[str, Callable[[], Any]] = {
    "chat": lambda: OpenAIChatModel("gpt-4o", provider=OpenAIProvider(URLS["openai"], api_key=KEY)),
    "responses": lambda: OpenAIResponsesModel(
        "gpt-5", provider=OpenAIProvider(URLS["openai"], api_key=KEY)
    ),
    "anthropic": lambda: AnthropicModel(
        "claude-sonnet-4-5", provider=AnthropicProvider(base_url=URLS["anthropic"], api_key=KEY)
    ),
    "gemini": lambda: GoogleModel(
        "gemini-2.5-flash", provider=GoogleProvider(base_url=URLS["gemini"], api_key=KEY)
    ),
    "ollama": lambda: OpenAIChatModel(
        "llama3.2", provider=OllamaProvider(base_url=f"{URLS['ollama']}/v1")
    ),
}


def pydantic_agent(name: str, **more: Any) -> Any:
    return Agent(MODELS[name](), instructions="Be brief.", tools=[get_weather, get_time], **more)


def pydantic_answers(name: str) -> Any:
    return pydantic_agent(name).run_sync(QUESTION).output


def pydantic_ends_by_a_tool(name: str) -> Any:
    return pydantic_agent(name, output_type=Place).run_sync("get_weather").output.model_dump()


def pydantic_fits(name: str) -> Any:
    wanted = Agent(MODELS[name](), output_type=NativeOutput(Place))
    return wanted.run_sync("Paris").output.model_dump()


# -- langchain


def langchain_answers(*, streams: bool) -> Any:
    tools = {each.__name__: tool(each) for each in (get_weather, get_time)}
    model = ChatOpenAI(model="gpt-5", reasoning={"effort": "low", "summary": "auto"})
    bound = model.bind_tools(list(tools.values()))
    messages: list[Any] = [HumanMessage(QUESTION)]
    for _ in range(5):
        if streams:
            first, *rest = bound.stream(messages)
            answer = sum(rest, first)
        else:
            answer = bound.invoke(messages)
        messages.append(answer)
        if not answer.tool_calls:
            return answer.text
        messages += [tools[call["name"]].invoke(call) for call in answer.tool_calls]
    return "no end"


agents_models = {
    "gpt-4o": "gpt-4o",
    "gpt-5": "gpt-5",
    "chat": agents.OpenAIChatCompletionsModel("gpt-4o", openai.AsyncOpenAI()),
}
run(
    {
        f"{case.__name__} {name}": partial(case, model)
        for name, model in agents_models.items()
        for case in (agent_answers, agent_streams, agent_goes_on, agent_hands_over, agent_fits)
    }
    | {
        f"{case.__name__} {name}": partial(case, name)
        for name in MODELS
        for case in (pydantic_answers, pydantic_ends_by_a_tool, pydantic_fits)
    }
    | {
        "langchain_answers": partial(langchain_answers, streams=False),
        "langchain_streams": partial(langchain_answers, streams=True),
    }
)
