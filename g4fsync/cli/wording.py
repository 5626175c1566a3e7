"""What to do about an error, in words for a shell prompt.

The library's messages say what to give in Python, always as ``Client(NAME=...)``.
Here that becomes the option or the command that does the same.
"""

from __future__ import annotations

import re

_KEY = re.compile(r"give Client\(api_keys=\{'([^']*)': \.\.\.\}\)")
_OTHERS = (
    (re.compile(r"Client\(cookies=\{'[^']*': \.\.\.\}\) a mapping or a file"), "--cookies FILE"),
    (re.compile(r"Client\(base_urls=\{'[^']*': \.\.\.\}\)"), "--base-url URL"),
    (re.compile(r"Client\(verify=['\"][^'\"]*['\"]\)"), "--ca FILE"),
    (re.compile(r"\bverify: (?=there is|'|\")"), "--ca: "),
    (re.compile(r"use Image\.open\(path\)"), "give the file itself, -a FILE"),
    (re.compile(r"\bproxy (?=must be a URL)"), "--proxy "),
    (re.compile(r"\bmax_workers (?=must be)"), "--workers "),
    (re.compile(r"prompt=('[^']*') (?=makes)"), r"-p \1 "),
    (re.compile(r"prices=\{model: \([^)]*\)\}"), "--price MODEL=IN,OUT"),
    (re.compile(r"(?<=strict budget of tokens or usd needs )max_tokens"), "--option max_tokens=N"),
    (re.compile(r"\bthe archive (?=has no)"), "the log "),
    # What was typed is one message; only the rows of a batch may have more.
    (re.compile(r"(?<!row )(?<!\d: )\bmessages\[0\](?:\.content\[\d+\])?: "), ""),
    (
        re.compile(r"give (?:it|the key) to the call: Client\(api_keys=\.\.\.\)"),
        "make the server an endpoint of yours, with a key: g4fsync config --help",
    ),
)


def at_prompt(text: str) -> str:
    """*text*, a message or an advice of the library, as it is true at a shell prompt."""
    text = _KEY.sub(lambda found: _key(found[1], text[: found.start()]), text)
    for pattern, words in _OTHERS:
        text = pattern.sub(words, text)
    return text


def _key(name: str, before: str) -> str:
    if before.endswith("or "):
        return f"run g4fsync keys set {name}"
    # At a base URL of the caller's own: a stored key goes only where its owner's variable points.
    from .. import registry

    variables = registry.provider_class(name).base_url_variables
    if variables:
        return f"set {variables[0]} in place of --base-url, and the stored key is sent there"
    return "at another base URL no stored key is sent; see g4fsync config --help for endpoints"
