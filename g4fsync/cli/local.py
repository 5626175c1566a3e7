"""``g4fsync demo`` and ``g4fsync emulate``: the emulator, seen from the command line."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Iterable

from ..client import Client
from ..emulator import Emulator, Messages, words
from ..providers.myshell import Myshell
from ..registry import ProviderSpec
from .compare import code, for_people, side_by_side
from .interrupts import LastWords
from .terminal import Terminal

PROMPT = "Why is the sky blue?"
SETTLE_SECONDS = 1.0
_WITHOUT_WEBSOCKETS = 'left out: its emulator needs pip install "g4fsync[emulator]"'


def demo(arguments: argparse.Namespace, terminal: Terminal, last_words: LastWords) -> int:
    """Let the providers answer through the real client, side by side."""
    prompt = " ".join(arguments.prompt) or PROMPT
    terminal.note("Emulated answers: a server on this machine stands in for each provider.")
    terminal.note("The client, the protocols and the sockets are real. No network, no key.")
    with (
        Emulator(emulated_reply, arguments.tokens_per_second, jitter=0.5) as emulator,
        Client(base_urls=emulator.base_urls, cookies=_cookies(emulator)) as client,
    ):
        models: list[ProviderSpec] = ["koala", "flowgpt"]
        if "myshell" in emulator.base_urls:
            # The site wants 5 s between connecting and asking.
            models.append(Myshell(emulator.base_urls["myshell"], settle=SETTLE_SECONDS))
            there = Myshell().settle
            terminal.note(
                f"myshell waits {SETTLE_SECONDS:g} s before asking, {there:g} s at its site."
            )
        else:
            terminal.note(f"myshell is {_WITHOUT_WEBSOCKETS}")
        models.append("openassistant")
        terminal.note("")
        comparison = client.compare(prompt, models)
        side_by_side(comparison, for_people(terminal, comparison, " (emulated)"), last_words)
        return code(comparison)


def emulated_reply(messages: Messages) -> Iterable[str]:
    """What the demo's servers answer."""
    return words(
        f"You asked: {messages[-1]['content']}\n"
        "This is an emulated answer, made on your own machine. "
        'Здравствуй, мир! 你好 🙂 "quotes" and\nnew lines come through as they are.'
    )


def emulate(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Serve until interrupted."""
    with Emulator(tokens_per_second=arguments.tokens_per_second) as emulator:
        for name, url in emulator.base_urls.items():
            terminal.line(f"{name:14}{url}")
        if "myshell" not in emulator.base_urls:
            terminal.note(f"{'myshell':14}{_WITHOUT_WEBSOCKETS}")
        for name, cookies in _cookies(emulator).items():
            for cookie, value in cookies.items():
                terminal.note(f"\n{name} wants the cookie {cookie}={value}")
        url = emulator.base_urls["koala"]
        terminal.note(f'\nTry: g4fsync -m koala --base-url {url} "Hello"')
        terminal.note("Ctrl-C ends it.")
        threading.Event().wait()
    return 0


def _cookies(emulator: Emulator) -> dict[str, dict[str, str]]:
    given = {name: dict(emulator.cookies(name)) for name in emulator.far_sides}
    return {name: cookies for name, cookies in given.items() if cookies}
