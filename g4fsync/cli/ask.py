"""``g4fsync ask``: one prompt, one provider, its answer as it comes."""

from __future__ import annotations

import argparse

from .. import registry
from ..client import Client
from . import options
from .input import encodable, model_from, prompt_from
from .output import Answer, EventLines, OneObject, TextAtOnce, show
from .terminal import Terminal

EPILOG = """\
Standard input, when it is not a terminal, is read to its end and follows the
prompt after a blank line:  g4fsync "Summarise this:" < notes.txt

The answer goes to standard output, everything else to standard error. Control
characters in an answer are shown as \\x1b and the like; --json and --events
are exact.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    options.add_prompt(parser)
    options.add_model(parser)
    options.add_request(parser)
    options.add_timeout(parser, "for the complete answer")
    options.add_network(parser)
    options.add_cookies(parser)
    options.add_base_url(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object at the end")
    form.add_argument("--events", action="store_true", help="print each event as a line of JSON")
    form.add_argument("--no-stream", action="store_true", help="print the answer once it ends")


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Ask, and print the answer in the form that was chosen."""
    prompt = prompt_from(arguments.prompt)
    model = model_from(arguments.model)
    given = options.options_from(arguments.options)
    base_urls = {}
    if arguments.base_url is not None:
        base_urls[registry.split(model)[0].name] = arguments.base_url
    client = Client(model, proxy=arguments.proxy, verify=arguments.ca or True, base_urls=base_urls)
    stream = client.chat(
        prompt,
        system=encodable("the system text", arguments.system),
        timeout=arguments.timeout,
        cookies=arguments.cookies,
        **given,
    )
    with client:
        show(stream, _form(arguments)(terminal))
    return 0


def _form(arguments: argparse.Namespace) -> type[Answer]:
    if arguments.json:
        return OneObject
    if arguments.events:
        return EventLines
    return TextAtOnce if arguments.no_stream else Answer
