"""``g4fsync emulate``: local stand-ins of the providers."""

from __future__ import annotations

import argparse
import threading

from ..emulator import Emulator
from . import options
from .emulated import WITHOUT_WEBSOCKETS, cookies
from .terminal import Terminal


def arguments(parser: argparse.ArgumentParser) -> None:
    options.add_rate(parser, None, "as fast as can be")


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Serve until interrupted."""
    with Emulator(tokens_per_second=arguments.tokens_per_second) as emulator:
        for name, url in emulator.base_urls.items():
            terminal.line(f"{name:14}{url}")
        if "myshell" not in emulator.base_urls:
            terminal.note(f"{'myshell':14}{WITHOUT_WEBSOCKETS}")
        for name, wanted in cookies(emulator).items():
            for cookie, value in wanted.items():
                terminal.note(f"\n{name} wants the cookie {cookie}={value}")
        url = emulator.base_urls["koala"]
        terminal.note(f'\nTry: g4fsync -m koala --base-url {url} "Hello"')
        terminal.note("Ctrl-C ends it.")
        threading.Event().wait()
    return 0
