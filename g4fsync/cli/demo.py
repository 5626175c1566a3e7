"""``g4fsync demo``: the providers stream side by side, emulated on this machine."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from ..client import Client
from ..emulator import Emulator, Messages, words
from ..providers.myshell import Myshell
from ..registry import ProviderSpec
from . import options
from .compare import code, for_people, side_by_side
from .emulated import WITHOUT_WEBSOCKETS, cookies
from .terminal import Terminal

PROMPT = "Why is the sky blue?"
# The protocols of today, each asked for a model that its stand-in has.
LIVING = (
    "openai:emulator",
    "anthropic:emulator",
    "gemini:emulator",
    "ollama:emulator",
)
SETTLE_SECONDS = 1.0


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("prompt", nargs="*", metavar="PROMPT", help="what to ask")
    parser.add_argument(
        "--all", action="store_true", help="the retired and self-hosted providers too"
    )
    options.add_rate(parser, 15.0, "15")


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Let the providers answer through the real client, side by side."""
    prompt = " ".join(arguments.prompt) or PROMPT
    terminal.note("Emulated answers: a server on this machine stands in for each provider.")
    terminal.note("The client, the protocols and the sockets are real. No network, no key.")
    with (
        Emulator(emulated_reply, arguments.tokens_per_second, jitter=0.5) as emulator,
        demo_client(emulator) as client,
    ):
        models: list[ProviderSpec] = [*LIVING]
        if arguments.all:
            models += _retired(emulator, terminal)
        terminal.note("")
        comparison = client.compare(prompt, models)
        side_by_side(comparison, for_people(terminal, comparison, " (emulated)"), terminal)
        return code(comparison)


def demo_client(emulator: Emulator) -> Client:
    """A client of the emulator, with the credentials it accepts."""
    return Client(
        base_urls=emulator.base_urls,
        cookies=cookies(emulator),
        api_keys=dict.fromkeys(("openai", "anthropic", "gemini"), emulator.api_key),
    )


def _retired(emulator: Emulator, terminal: Terminal) -> list[ProviderSpec]:
    models: list[ProviderSpec] = ["koala", "flowgpt"]
    if "myshell" in emulator.base_urls:
        # The site wants 5 s between connecting and asking.
        models.append(Myshell(emulator.base_urls["myshell"], settle=SETTLE_SECONDS))
        there = Myshell().settle
        terminal.note(f"myshell waits {SETTLE_SECONDS:g} s before asking, {there:g} s at its site.")
    else:
        terminal.note(f"myshell is {WITHOUT_WEBSOCKETS}")
    return [*models, "openassistant"]


def emulated_reply(messages: Messages) -> Iterable[str]:
    """What the demo's servers answer."""
    return words(
        f"You asked: {messages[-1]['content']}\n"
        "This is an emulated answer, made on your own machine. "
        'Здравствуй, мир! 你好 🙂 "quotes" and\nnew lines come through as they are.'
    )
