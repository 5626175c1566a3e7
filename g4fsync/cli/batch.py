"""``g4fsync batch``: a file of prompts, their answers line by line, going on where it stopped."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import registry
from ..batch.batch import Batch
from ..batch.summary import Summary
from ..client import Client
from ..errors import InvalidRequest
from ..settings import Budget, Rate
from . import options
from .exits import BUDGET, PROVIDER, SOME_FAILED
from .input import model_from, system_from, text_from
from .progress import progress, spent
from .terminal import Terminal
from .wording import at_prompt

EPILOG = """\
IN is a .jsonl, .csv, .tsv or .txt file, or - for lines on standard input (JSON
or text).  A row has a column 'prompt' or 'messages', or -p makes a prompt of
others.  The same command again goes on behind the rows that are in OUT.

examples:
  g4fsync batch in.csv -o out.jsonl -m openai:gpt-5-mini -p "Answer: {q}"
  g4fsync batch in.jsonl -o out.jsonl --rate 500/min --rate 200ktokens/min
  g4fsync batch in.txt -o out.jsonl --budget 5usd --price gpt-5-mini=0.25,2
  g4fsync batch status out.jsonl

exit status:
  0 all complete       1 all failed, or a provider's error
  2 usage or set-up    5 some failed
  6 budget used up     130 Ctrl-C: what is finished is in OUT
"""

MOST_FAILURES = 3  # kinds of failed rows that are shown at the end

_UNITS = {"s": 1.0, "sec": 1.0, "second": 1.0, "min": 60.0, "minute": 60.0, "m": 60.0}
_UNITS |= {"h": 3600.0, "hour": 3600.0, "d": 86_400.0, "day": 86_400.0}
_RATE = re.compile(r"([0-9.]+(?:e[0-9]+)?)([kM]?) ?(req(?:uests?)?|tok(?:ens?)?)? ?/ ?([a-z]+)")
_BUDGET = re.compile(r"(\$?)([0-9.]+(?:e[0-9]+)?)([kM]?) ?(tok(?:ens?)?|calls?|usd|)")
_FACTORS = {"": 1, "k": 1000, "M": 1_000_000}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "g4fsync batch IN -o OUT [options]\n       g4fsync batch status OUT"
    parser.epilog = EPILOG
    parser.add_argument("input", metavar="IN", help="the rows, or the word: status")
    parser.add_argument("status_of", nargs="?", metavar="OUT", help="the file, after: status")
    parser.add_argument("-o", "--out", metavar="OUT", help="where each finished row is a JSON line")
    options.add_model(parser)
    parser.add_argument(
        "-p", "--prompt", metavar="TEXT|@FILE", help="with columns in braces: {text}"
    )
    parser.add_argument(
        "-s", "--system", metavar="TEXT|@FILE", help="instructions before each prompt"
    )
    parser.add_argument("--key", metavar="COLUMN", help="what tells rows apart; default: key")
    options.add_options(parser, "--option")
    parser.add_argument(
        "-w", "--workers", type=int, default=16, metavar="N", help="calls at a time (16)"
    )
    parser.add_argument(
        "--rate", action="append", default=[], metavar="RATE", help="500/min, 200ktokens/min"
    )
    parser.add_argument(
        "--budget", action="append", default=[], metavar="SUM", help="1e6tokens, 500calls, 5usd"
    )
    parser.add_argument("--strict", action="store_true", help="never go over the budget")
    parser.add_argument(
        "--price",
        action="append",
        default=[],
        metavar="MODEL=IN,OUT",
        help="dollars for a million tokens sent, and received (else of the extra 'prices')",
    )
    parser.add_argument("--retry-errors", action="store_true", help="ask failed rows again")
    parser.add_argument("--stop-on-error", action="store_true", help="end at the first failed row")
    parser.add_argument("--dry-run", action="store_true", help="show what would be asked")
    parser.add_argument("--report", metavar="FILE", help="write a page (HTML) about OUT at the end")
    options.add_timeout(parser, "for each call")
    options.add_network(parser)
    options.add_cookies(parser)
    options.add_base_url(parser)


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Do the batch, before the user's eyes, or show how one stands."""
    if arguments.input == "status":
        return _status(arguments, terminal)
    if arguments.status_of is not None:
        raise InvalidRequest(f"what is {arguments.status_of!r}? the output is given by -o OUT")
    if not arguments.out:
        raise InvalidRequest("no output: give -o OUT.jsonl")
    report = _writable_page(arguments.report)
    model = model_from(arguments.model)
    names = [registry.split(model)[0].name]
    with Client(
        model,
        proxy=arguments.proxy,
        verify=arguments.ca or True,
        base_urls=options.by_provider("--base-url", arguments.base_urls, names, others_later=True),
        cookies=options.by_provider("--cookies", arguments.cookies, names, others_later=True),
    ) as client:
        batch = client.batch(
            _standard_input() if arguments.input == "-" else Path(arguments.input),
            out=arguments.out,
            prompt=text_from("the prompt", arguments.prompt),
            key=arguments.key,
            max_workers=arguments.workers,
            rate=rate_from(arguments.rate),
            budget=budget_from(arguments.budget, strict=arguments.strict),
            prices=dict(map(_price, arguments.price)),
            retry_errors=arguments.retry_errors,
            on_error="stop" if arguments.stop_on_error else "keep",
            timeout=arguments.timeout,
            system=system_from(arguments.system),
            **options.options_from(arguments.options),
        )
        if arguments.dry_run:
            return _dry_run(batch, terminal)
        summary = _shown(batch, arguments.out, terminal)
    if report is not None:
        from ..batch.digest import digest_file
        from ..batch.page import page

        report.write_text(page(digest_file(arguments.out)), encoding="utf-8")
        terminal.note(f"saved as {report}")
    return _code(summary)


def _shown(batch: Batch, out: str, terminal: Terminal) -> Summary:
    """Run *batch* to its end; on Ctrl-C what is left to say is said."""
    shown = progress(batch, terminal)

    def interrupted() -> None:
        shown.close()
        terminal.note(f"{batch.summary.rows} rows are in {out}; the same command goes on")

    terminal.exit_notes.add(interrupted)
    failures: dict[str, int] = {}  # the first few, by what they say
    with batch:
        shown.open()
        try:
            for row in batch:
                if row.failed:
                    text = at_prompt(str(row.error)).partition("\n")[0]
                    if text in failures or len(failures) < MOST_FAILURES:
                        failures[text] = failures.get(text, 0) + 1
        except Exception:
            shown.close()
            raise
    shown.close()
    summary = batch.summary
    for text, count in failures.items():
        terminal.note(f"{count} x {text}")
    terminal.note(_in_words(summary))
    if summary.failed > sum(failures.values()):
        terminal.note(f"g4fsync batch status {out} shows every failure")
    return summary


def _in_words(summary: Summary) -> str:
    parts = [f"{summary.rows} rows: {summary.complete} complete, {summary.failed} failed"]
    if summary.reused:
        parts.append(f"{summary.reused} of them were there already")
    parts.append(f"{summary.calls} calls in {summary.seconds:.1f} s")
    parts += spent(summary)
    text = ", ".join(parts)
    if summary.repeated:
        text += (
            f"\n{summary.repeated} calls were under way when earlier runs were ended, "
            "and have been made again"
        )
    if summary.stopped == "budget":
        text += "\nstopped: the budget is used up; the same command with a larger one goes on"
    return text


def _code(summary: Summary) -> int:
    if summary.stopped == "budget":
        return BUDGET
    if summary.failed:
        return SOME_FAILED if summary.complete else PROVIDER
    return 0


def _dry_run(batch: Batch, terminal: Terminal) -> int:
    plan = batch.plan()
    terminal.line(f"rows        {plan.rows}")
    terminal.line(f"in the file {plan.reused}")
    terminal.line(f"to be asked {plan.to_ask}")
    terminal.line(f"prompts     at most {plan.most_input_tokens} tokens")
    if plan.most_output_tokens is not None:
        terminal.line(f"answers     at most {plan.most_output_tokens} tokens")
    if plan.most_usd is not None:
        terminal.line(f"cost        at most {plan.most_usd:.2f} usd")
    return 0


def _status(arguments: argparse.Namespace, terminal: Terminal) -> int:
    from ..batch.digest import digest_file
    from ..batch.page import facts, page

    if not arguments.status_of:
        raise InvalidRequest("the status of what? g4fsync batch status OUT.jsonl")
    report = _writable_page(arguments.report)
    found = digest_file(arguments.status_of)
    for name, value in facts(found).items():
        terminal.line(f"{name:<21}{value}")
    for group in found.errors:
        message = group.message.splitlines()[0] if group.message else ""
        terminal.line(f"  {group.count} x {group.name}: {message} ({', '.join(group.keys)})")
    if report is not None:
        report.write_text(page(found), encoding="utf-8")
        terminal.note(f"saved as {report}")
    return 0


def _writable_page(name: str | None) -> Path | None:
    """The page to write, which must be writable before anything is asked."""
    if name is None:
        return None
    path = Path(name)
    if path.suffix.lower() not in (".html", ".htm"):
        raise InvalidRequest(f"--report {name}: a page is written, give a name ending in .html")
    is_new = not path.exists()
    try:
        path.open("a").close()
        if is_new:
            path.unlink()
    except OSError as exc:
        raise InvalidRequest(f"--report {name}: {exc.strerror}") from exc
    return path


def _standard_input() -> Iterator[object]:
    """Lines of JSON, or of text, as the first one is."""
    is_json: bool | None = None
    for number, line in enumerate(sys.stdin, 1):
        if line.isspace():
            continue
        if is_json is None:
            is_json = line.lstrip("\ufeff \t")[:1] in ("{", "[", '"')
        if not is_json:
            yield line.rstrip("\r\n")
            continue
        try:
            yield json.loads(line.removeprefix("\ufeff"))
        except ValueError as exc:
            raise InvalidRequest(f"standard input: line {number} is not JSON: {exc}") from exc


def rate_from(texts: list[str]) -> Rate | None:
    """``500/min`` and ``200k tokens/min`` as one rate."""
    limits: dict[str, float] = {}
    per = 0.0
    for text in texts:
        match = _RATE.fullmatch(text.strip())
        if match is None or match[4].removesuffix("s") not in {*_UNITS, ""}:
            raise InvalidRequest(f"--rate {text!r}: write 500/min or 200ktokens/min")
        seconds = _UNITS[match[4] if match[4] in _UNITS else match[4].removesuffix("s")]
        kind = "tokens" if (match[3] or "").startswith("tok") else "requests"
        if per and seconds != per:
            raise InvalidRequest("--rate: both must be for the same time, such as /min")
        limits[kind], per = _number(match[1], match[2], f"--rate {text!r}"), seconds
    return Rate(**limits, per=per) if limits else None


def budget_from(texts: list[str], *, strict: bool) -> Budget | None:
    """``1e6tokens``, ``500calls`` and ``5usd`` or ``$5`` as one budget."""
    sums: dict[str, Any] = {}
    for text in texts:
        match = _BUDGET.fullmatch(text.strip())
        if match is None or not (match[1] or match[4]):
            raise InvalidRequest(f"--budget {text!r}: write 1e6tokens, 500calls or 5usd")
        amount = _number(match[2], match[3], f"--budget {text!r}")
        kind = match[4][:3]
        if match[1] or kind == "usd":
            sums["usd"] = amount
        else:
            sums["tokens" if kind == "tok" else "calls"] = int(amount)
    if strict and not sums:
        raise InvalidRequest("--strict is for a --budget")
    return Budget(**sums, strict=strict) if sums else None


def _number(digits: str, factor: str, where: str) -> float:
    try:
        return float(digits) * _FACTORS[factor]
    except ValueError as exc:
        raise InvalidRequest(f"{where}: {digits!r} is no number") from exc


def _price(text: str) -> tuple[str, tuple[float, float]]:
    model, _, prices = text.rpartition("=")
    sent, _, received = prices.partition(",")
    try:
        return model, (float(sent), float(received))
    except ValueError as exc:
        raise InvalidRequest(f"--price {text!r}: write MODEL=IN,OUT, such as m=0.25,2") from exc
