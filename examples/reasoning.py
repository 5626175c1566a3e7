"""OpenAI's Responses API: what the model thought, summed up, and carried through tool rounds."""

from __future__ import annotations

from g4fsync import Client
from g4fsync.emulator import Emulator
from g4fsync.providers.openai import OpenAI


def get_weather(city: str) -> str:
    """The weather of today.

    Args:
        city: Where.
    """
    return "18 degrees"


def main(client: Client, provider: OpenAI) -> None:
    result = client.ask(
        "get_weather of Rome, please",
        model="gpt-5-mini",
        provider=provider,  # at OpenAI itself, "openai:gpt-5-mini" is enough
        reasoning_effort="low",
        tools=[get_weather],
    )
    print(f"thought: {result.reasoning}")
    print(result.text.splitlines()[0])
    # Nothing was stored at the server.  The reasoning came encrypted, and went back with its call.
    print([data.data["type"] for data in result.message.provider_data])


if __name__ == "__main__":
    with Emulator() as emulator, Client(api_keys={"openai": emulator.api_key}) as client:
        url = emulator.base_urls["openai"]
        main(client, OpenAI(url, api="responses", reasoning_summary="auto"))
        body = emulator.openai.requests[-1].body
        print([item.get("type", item.get("role")) for item in body["input"]])
