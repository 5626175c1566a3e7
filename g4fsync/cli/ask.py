"""``g4fsync ask``: one prompt, one provider, its answer as it comes."""

from __future__ import annotations

import argparse

from .. import registry
from ..client import Client
from . import kept, options, templates
from .exits import CUT_SHORT
from .input import model_from, question, system_from
from .output import CodeBlock, EventLines, OneObject, PrintedAnswer, TextAtOnce, show, usage
from .terminal import Terminal
from .waiting import waiting
from .wishes import Value, add_wishes, wishes_from

EPILOG = """\
Standard input, when it is not a terminal, is read to its end and follows the
prompt after a blank line:  g4fsync "Summarise this:" < notes.txt

The answer goes to standard output, everything else to standard error. Control
characters in an answer are shown as \\x1b and the like; --json and --events
are exact.

A template is NAME.txt in the folder templates/ of the settings folder (or any
file, by its path): the prompt's text, and between two lines of --- before it,
if wanted, lines such as  model: openai:gpt-5-mini,  system: ...,
option.temperature: 0.2.  -c and --cid go on with a conversation of the log.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    options.add_prompt(parser)
    options.add_model(parser)
    options.add_request(parser)
    add_wishes(parser)
    options.add_timeout(parser, "for the complete answer")
    options.add_network(parser)
    options.add_cookies(parser)
    options.add_base_url(parser)
    templates.add_template(parser)
    kept.add_continue(parser)
    kept.add_log(parser)
    parser.add_argument(
        "--fallback",
        action="extend",
        type=options.model_list,
        default=[],
        metavar="MODEL[,MODEL]",
        help="asked in turn while no token has come",
    )
    parser.add_argument("-u", "--usage", action="store_true", help="show tokens and seconds")
    parser.add_argument(
        "-R",
        "--hide-reasoning",
        action="store_true",
        help="not the model's thoughts, which a terminal is shown dimly",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object at the end")
    form.add_argument("--events", action="store_true", help="print each event as a line of JSON")
    form.add_argument("--no-stream", action="store_true", help="print the answer once it ends")
    form.add_argument(
        "-x", "--extract", action="store_true", help="print only the first block of code"
    )
    form.add_argument(
        "--markdown", action="store_true", help="render the answer, on a terminal (with rich)"
    )


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Ask, and print the answer in the form that was chosen."""
    template = templates.apply(arguments)
    asked = question(arguments, template)
    found = kept.earlier(arguments)
    model = model_from(arguments.model or (found.model if found is not None else None))
    given = {**(template.options if template else {}), **options.options_from(arguments.options)}
    given |= wishes_from(arguments, terminal)
    names = [registry.split(each)[0].name for each in (model, *arguments.fallback)]
    client = Client(
        model,
        fallback=arguments.fallback,
        retry=options.retry_from(arguments.retries),
        proxy=arguments.proxy,
        verify=arguments.ca or True,
        base_urls=options.by_provider("--base-url", arguments.base_urls, names),
        cookies=options.by_provider("--cookies", arguments.cookies, names),
        archive=kept.log_of(arguments),
        cache=kept.cache_of(arguments),
    )
    system, given["timeout"] = system_from(arguments.system), arguments.timeout
    if found is not None:
        stream = kept.conversation(client, found, system).chat(asked, **given)
    else:
        stream = client.chat(asked, system=system, **given)
    answer = _form(arguments)(terminal)
    answer.shows_reasoning = not arguments.hide_reasoning
    with client, waiting(stream, terminal):
        show(stream, answer)
    if arguments.usage:
        terminal.note(f"g4fsync: {usage(stream)}")
    return CUT_SHORT if stream.finish_reason == "length" else 0


def _form(arguments: argparse.Namespace) -> type[PrintedAnswer]:
    if arguments.markdown:
        from .markdown import form

        return form()
    for chosen, form_class in (
        (arguments.json, OneObject),
        (arguments.events, EventLines),
        (arguments.extract, CodeBlock),
        (arguments.schema is not None, Value),
        (arguments.no_stream, TextAtOnce),
    ):
        if chosen:
            return form_class
    return PrintedAnswer
