"""Python functions that the model may call: the weather, and a calculator."""

from __future__ import annotations

from typing import Literal

from g4fsync import Client, Text, ToolCall, ToolResult
from g4fsync.emulator import Emulator

TEMPERATURES = {"Rome": 31.0, "Oslo": 14.0}


def weather(city: Literal["Rome", "Oslo"]) -> dict[str, object]:
    """The weather of today.

    Args:
        city: Where.
    """
    return {"city": city, "celsius": TEMPERATURES[city]}


def divide(a: float, b: float) -> float:
    """Divide *a* by *b*."""
    return a / b


def approve(call: ToolCall) -> bool | str:
    """Asked before each call; what is no ``True`` is told to the model as the reason."""
    return True if call.name in ("weather", "divide") else "not this one"


def main(client: Client) -> None:
    stream = client.chat(
        "How is the weather, then divide the degrees by something",
        tools=[weather, divide],
        approve=approve,
        max_rounds=4,
        timeout=30,  # for all rounds and tools together
    )
    for event in stream.events():
        match event:
            case ToolCall(name=name, arguments=arguments):
                print(f"[{name} {arguments}]")
            case ToolResult(text=text, is_error=is_error):
                print(f"[{'failed' if is_error else 'ok'}: {text}]")
            case Text(text):
                print(text, end="", flush=True)
    result = stream.result()
    print(f"\n-- {[message.role for message in result.messages]}")


if __name__ == "__main__":
    # A local stand-in for the provider: it calls the tools that the question names.
    with Emulator() as emulator:
        main(Client("ollama:llama3.2", base_urls=emulator.base_urls))
