"""``g4fsync doctor``: where a call to a provider gets stuck, and what runs on this machine."""

from __future__ import annotations

import argparse
import shlex
import textwrap
from dataclasses import asdict, replace
from typing import Any

from .. import registry
from ..access.homes import at_environment_url
from ..doctor.checkup import Checkup, Step
from ..doctor.discovery import Server, find_servers, usual_ports
from ..errors import ConfigurationError, InvalidRequest
from . import options
from .exits import PROVIDER
from .terminal import Terminal, visible, width
from .wording import at_prompt

_NARROWEST = 30  # columns left for what a step tells, below which it gets a line of its own
_SHOWN_MODELS = 5


EPILOG = """\
Each provider is looked at step by step, a line per step, up to its first
failure. One token of an answer is asked for at the end; a service may charge
for it. Without a provider, local servers are looked for on their usual ports,
and where variables such as OLLAMA_HOST say they are.

exit status:
  0 all is well, or a local server was found
  1 a step failed, or no local server was found
  2 usage
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument(
        "providers", nargs="*", metavar="PROVIDER", help="a provider's name, or PROVIDER:MODEL"
    ).completer = options.provider_names  # type: ignore[attr-defined]  # for argcomplete
    options.add_base_url(parser)
    options.add_network(parser)
    options.add_timeout(parser, "per step; default: 5, a token 15")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Look at each provider named, or without one for servers on this machine."""
    network = (arguments.base_urls or None, arguments.timeout, arguments.proxy, arguments.ca)
    if not arguments.providers:
        if any(each is not None for each in network):
            raise InvalidRequest(
                "--base-url, --timeout, --proxy and --ca go with a provider: "
                "g4fsync doctor openai ..."
            )
        return local_servers(find_servers(), terminal, json=arguments.json)
    names = [registry.split(each)[0].name for each in arguments.providers]
    base_urls = options.by_provider("--base-url", arguments.base_urls, names)
    checkups = [
        Checkup(
            each,
            base_url=base_urls.get(name),
            proxy=arguments.proxy,
            verify=arguments.ca or True,
            seconds=arguments.timeout,
        )
        for each, name in zip(arguments.providers, names, strict=True)
    ]
    reports = [_looked_at(each, terminal, show=not arguments.json) for each in checkups]
    if arguments.json:
        terminal.json({"ok": all(r["ok"] for r in reports), "providers": reports})
    return 0 if all(report["ok"] for report in reports) else PROVIDER


def _looked_at(checkup: Checkup, terminal: Terminal, *, show: bool) -> dict[str, Any]:
    """Make the steps, showing each as it is made; the report as JSON has it."""
    steps = []
    if show:
        terminal.line(checkup.name)
    for found in checkup.steps():
        step = replace(found, message=at_prompt(found.message), advice=at_prompt(found.advice))
        steps.append(step)
        if show:
            terminal.line(shown(step, width()))
    ok = all(step.ok for step in steps)
    return {"provider": checkup.name, "ok": ok, "steps": [asdict(step) for step in steps]}


def shown(step: Step, columns: int) -> str:
    """*step* as lines of *columns* at most."""
    head = f"  {step.name:8}{'ok' if step.ok else 'failed':7}{_duration(step.seconds):>7}  "
    lines = [visible(step.message)]
    if step.advice:
        lines.append(f"to do: {visible(step.advice)}")
    if columns - len(head) < _NARROWEST:
        return "\n".join([head.rstrip(), *_indented(lines, 4, columns)])
    return (head + "\n".join(_indented(lines, len(head), columns)).lstrip()).rstrip()


def _indented(paragraphs: list[str], indent: int, columns: int) -> list[str]:
    room = max(columns - indent, 1)
    lines = [line for each in paragraphs for line in textwrap.wrap(each, room)]
    return [" " * indent + line for line in lines]


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 0.9995 else f"{seconds:.1f} s"


def local_servers(found: list[Server], terminal: Terminal, *, json: bool) -> int:
    """Show what was found; 1 when none of it is a chat server."""
    servers = [each for each in found if each.name]
    others = [each for each in found if not each.name]
    if json:
        terminal.json(
            {
                "servers": [asdict(each) | {"use": usage(each)} for each in servers],
                "others": [{"url": each.url, "remark": each.remark} for each in others],
            }
        )
        return 0 if servers else PROVIDER
    for server in servers:
        terminal.line(_described(server, width()))
    for other in others:
        terminal.note(f"{other.url}: {other.remark}")
    if not servers:
        ports = ", ".join(map(str, usual_ports()))
        terminal.note(f"g4fsync: no chat server found on this machine (ports {ports})")
    return 0 if servers else PROVIDER


def _described(server: Server, columns: int) -> str:
    title = " ".join(filter(None, (server.name, server.version)))
    lines = []
    if server.remark:
        lines.append(server.remark)
    if server.models:
        names = ", ".join(server.models[:_SHOWN_MODELS])
        rest = len(server.models) - _SHOWN_MODELS
        lines.append(f"models: {names}" + (f" and {rest} more" if rest > 0 else ""))
    if server.needs_key:
        lines.append(f"needs a key: {_key_advice(server)}")
    lines.append(usage(server))
    head = textwrap.wrap(f"{visible(title)}  {server.url}", columns)
    return "\n".join([*head, *_indented([visible(each) for each in lines], 2, columns)])


def usage(server: Server) -> str:
    """The command that asks *server*."""
    provider = registry.provider_class(server.provider)
    model = server.provider
    if not provider.default_model:
        model += ":" + (server.models[0] if server.models else "MODEL")
    words = ["g4fsync", "-m", shlex.quote(model)]
    if not _is_default(server, provider):
        words += ["--base-url", server.url]
    return " ".join([*words, '"Hello"'])


def _is_default(server: Server, provider: Any) -> bool:
    """Whether *provider* asks there by itself."""
    if server.needs_key and server.provider == "openai":
        return True  # its variable says where, see _key_advice
    try:
        usual = at_environment_url(provider()).base_url
    except ConfigurationError:
        return False
    return bool(usual == provider(server.url).base_url)


def _key_advice(server: Server) -> str:
    if server.provider == "openai":  # a key goes only where its owner's variable points
        return f"set OPENAI_BASE_URL={server.url}/v1 and OPENAI_API_KEY"
    variables = registry.provider_class(server.provider).key_variables
    return f"g4fsync keys set {server.provider}, or set {variables[0]}"
