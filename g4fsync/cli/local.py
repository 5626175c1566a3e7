"""``g4fsync demo`` and ``g4fsync emulate``: the emulator, seen from the command line."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Iterable

from ..client import Client
from ..emulator import Emulator, Messages, words
from ..errors import G4FSyncError
from ..providers.base import Provider
from ..providers.myshell import Myshell
from ..registry import provider_class
from .exits import exit_code
from .terminal import BOLD, Terminal

PROMPT = "Why is the sky blue?"
SETTLE_SECONDS = 1.0
_WITHOUT_WEBSOCKETS = 'left out: its emulator needs pip install "g4fsync[emulator]"'


def demo(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Let each provider answer through the real client, one after the other."""
    prompt = " ".join(arguments.prompt) or PROMPT
    terminal.note("Emulated answers: a server on this machine stands in for each provider.")
    terminal.note("The client, the protocols and the sockets are real. No network, no key.")
    codes = []
    with (
        Emulator(emulated_reply, arguments.tokens_per_second, jitter=0.5) as emulator,
        Client(base_urls=emulator.base_urls, cookies=_cookies(emulator)) as client,
    ):
        for name in ("koala", "flowgpt", "myshell", "openassistant"):
            codes.append(_show(name, prompt, client, emulator, terminal))
    if any(codes) and not all(codes):
        return 5
    return codes[0]


def emulated_reply(messages: Messages) -> Iterable[str]:
    """What the demo's servers answer."""
    return words(
        f"You asked: {messages[-1]['content']}\n"
        "This is an emulated answer, made on your own machine. "
        'Здравствуй, мир! 你好 🙂 "quotes" and\nnew lines come through as they are.'
    )


def _show(name: str, prompt: str, client: Client, emulator: Emulator, terminal: Terminal) -> int:
    found = provider_class(name)
    url = emulator.base_urls.get(name)
    title = f"\n{name} (emulated"
    if url is None:
        terminal.note(f"{title}) {_WITHOUT_WEBSOCKETS}")
        return 0
    if issubclass(found, Myshell):
        # The site wants 5 s between connecting and asking.
        provider: Provider = Myshell(url, settle=SETTLE_SECONDS)
        title += f"; waits {SETTLE_SECONDS:g} s before asking, {Myshell().settle:g} s at the site"
    else:
        provider = found(url)
    terminal.note(f"{title})", BOLD)
    count = 0
    try:
        with client.chat(prompt, provider=provider) as stream:
            for token in stream:
                terminal.write(token)
                count += 1
    except G4FSyncError as error:
        terminal.end_line()
        terminal.note(f"g4fsync: {error}")
        return exit_code(error)
    terminal.end_line()
    terminal.note(
        f"{count} tokens, the first after {stream.first_token_seconds or 0:.2f} s, "
        f"all after {stream.seconds:.2f} s"
    )
    return 0


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
