"""The fast path: the JSON values of a whole block of events or lines in one parse.

A token's event is some 200 bytes of JSON of which the parser's start costs as
much as its work, and of which nothing is new but a word.  So two shortcuts:

* Joined by commas, the events of a block are one JSON array.
* Where events differ in the same few strings only (their :class:`_Shape`), the
  rest needs no parsing at all: the strings alone are the array.

The plain decoders decide what a block means; a :class:`BulkReader` gives exactly
their values or ``None``, and ``None`` is always right.  What makes that sure:

* No line end may be left within an event, so each line belonged to the pattern.
* Between the values stand numbers nobody else knows.  A value that swallowed a
  separator (``[1`` and ``2]`` in two events) swallows the number too, and the
  count at the top level shows it.
* A shape's strings are known to be whole strings, as its text parses with
  others in their place; then it parses alike with any.
* Anything else unusual does not parse, and then it is the plain decoder's turn.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from ..errors import ProtocolError
from . import strict

_SECRET = secrets.randbits(62)
_BETWEEN = b",%d," % _SECRET
_LF, _CR = b"\n\r"  # as numbers: a byte is found in bytes five times as fast as bytes are
_MAX_PREFIX_BYTES = 100
_SAMPLES = 4  # events that show a shape
_WORTH_A_SEARCH = 8  # events; of fewer there is nothing to be gained by a shape
_MAX_DEPTH = 8  # of a hole in a value


class BulkReader:
    """Reads the blocks of one answer; it remembers how their events looked."""

    def __init__(self) -> None:
        self._shape: _Shape | None = None

    def events(self, block: bytes) -> Iterable[Any] | None:
        """The JSON data of each event in *block*, whole events all of one name, or ``None``."""
        if not block.endswith(b"\n\n"):
            return None
        prefix = b"data: " if block.startswith(b"data: ") else _named_prefix(block)
        if prefix is None:
            return None
        text = block[len(prefix) : -2]
        if _LF not in text and _CR not in text:  # one alone, as on a paced stream
            return _one(text)
        return self._values(text, b"\n\n" + prefix)

    def records(self, block: bytes) -> Iterable[Any] | None:
        """The JSON value of each line in *block*, whole lines, or ``None``."""
        return self._values(block[:-1], b"\n")

    def _values(self, text: bytes, separator: bytes) -> Iterable[Any] | None:
        if _CR in text:
            return None
        if _LF not in text:  # one alone, as on a paced stream
            return _one(text)
        values = text.split(separator)
        found = self._shaped(values)
        if found is None and len(values) >= _WORTH_A_SEARCH:
            self._shape = _Shape.of(values[:_SAMPLES])
            found = self._shaped(values)
        return _parsed(values) if found is None else found

    def _shaped(self, values: Sequence[bytes]) -> Iterable[Any] | None:
        return None if self._shape is None else self._shape.read(values)


def _named_prefix(block: bytes) -> bytes | None:
    """The lines before the data of *block*'s first event, if they are a name and no more."""
    name_end = block.find(b"\ndata: ", 0, _MAX_PREFIX_BYTES)
    name = block[: max(name_end, 0)]
    # An error must reach the plain decoder, which tells it by its name.
    if name.startswith(b"event: ") and name != b"event: error" and name.isascii():
        return None if _LF in name or _CR in name else block[: name_end + len(b"\ndata: ")]
    return None


def _one(value: bytes) -> tuple[Any] | None:
    try:
        return (strict.parse(value),)
    except ProtocolError:
        return None


def _parsed(values: Sequence[bytes]) -> list[Any] | None:
    """The JSON *values*, or ``None`` when they are not one each."""
    return _array(_BETWEEN.join(values), [_SECRET] * (len(values) - 1))


def _array(joined: bytes, between: Sequence[int]) -> list[Any] | None:
    """The values in *joined*, or ``None`` unless just the numbers *between* stand between them."""
    if _LF in joined:
        return None
    try:
        parsed: list[Any] = strict.parse(b"[%b]" % joined)
    except ProtocolError:
        return None
    if len(parsed) != 2 * len(between) + 1 or parsed[1::2] != between:
        return None
    return parsed[::2]


# A JSON string; the parser says whether it is a good one.
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')

_Path = tuple[Any, ...]


class _Shape:
    """What the JSON of many events has in common: all but some strings, the holes.

    Its own share, in the bench rows openai, anthropic and ollama: 0.59, 0.65 and
    0.71 of the hand-written loop's CPU; without it 1.05, 0.76 and 0.85.
    """

    def __init__(self, fixed: Sequence[bytes], value: Any, paths: Sequence[_Path]) -> None:
        """*fixed* is the text around the holes, *value* what it says, *paths* lead to them."""
        self._before, *middles, self._after = fixed
        # Each has a number of its own, so that they can't change places unseen.
        numbers = [secrets.randbits(62) for _ in middles]
        self._middles = [
            (text, b",%d," % number) for text, number in zip(middles, numbers, strict=True)
        ]
        self._between = [*numbers, _SECRET]
        self._holes = len(paths)
        self._fill = _filler(value, {path: i for i, path in enumerate(paths)})

    @classmethod
    def of(cls, samples: Sequence[bytes]) -> _Shape | None:
        """The shape that *samples* have, if it is one."""
        gaps, strings = _STRING.split(samples[0]), _STRING.findall(samples[0])
        holes: set[int] = set()
        for sample in samples[1:]:
            if _STRING.split(sample) != gaps:
                return None
            pairs = zip(strings, _STRING.findall(sample), strict=True)
            holes |= {i for i, (one, other) in enumerate(pairs) if one != other}
        if not holes:
            return None
        fixed = [gaps[0]]
        for i, gap in enumerate(gaps[1:]):
            if i in holes:
                fixed.append(gap)
            else:
                fixed[-1] += strings[i] + gap
        # Strings of our own in the holes, which nothing else is equal to.
        marks = [str(secrets.randbits(62)) for _ in holes]
        text = fixed[0] + b"".join(
            b'"%b"%b' % (mark.encode(), after) for mark, after in zip(marks, fixed[1:], strict=True)
        )
        try:
            value = strict.parse(text)
        except ProtocolError:
            return None
        paths = dict(_strings(value))
        if _LF in text or not all(map(paths.get, marks)):
            return None
        return cls(fixed, value, [paths[mark] for mark in marks])

    def read(self, values: Sequence[bytes]) -> Iterator[Any] | None:
        """What *values* say, each when it is asked for; ``None`` unless all have this shape."""
        before, after = self._before, self._after
        start, end = len(before), -len(after)
        inner = [
            each[start:end] for each in values if each.startswith(before) and each.endswith(after)
        ]
        if len(inner) != len(values):
            return None
        joined = _BETWEEN.join(inner)
        for middle, number in self._middles:
            joined = joined.replace(middle, number)
            if joined.count(number) != len(values):  # one in a string would stay unseen
                return None
        strings = _array(joined, (self._between * len(values))[:-1])
        if strings is None or set(map(type, strings)) != {str}:
            return None
        return map(self._fill, zip(*[iter(strings)] * self._holes, strict=True))


def _filler(value: Any, holes: Mapping[_Path, int]) -> Callable[[Sequence[str]], Any]:
    """What copies *value* with the strings it is given in its *holes*, each by its number.

    What is outside the way to a hole is not copied.
    """
    if () in holes:
        return itemgetter(holes[()])
    parts = [
        (key, _filler(value[key], {path[1:]: i for path, i in holes.items() if path[0] == key}))
        for key in dict.fromkeys(path[0] for path in holes)
    ]
    copy = value.copy
    if len(parts) == 1:
        ((key, part),) = parts

        def fill(strings: Sequence[str]) -> Any:
            filled = copy()
            filled[key] = part(strings)
            return filled

    else:

        def fill(strings: Sequence[str]) -> Any:
            filled = copy()
            for key, part in parts:
                filled[key] = part(strings)
            return filled

    return fill


def _strings(value: Any, path: _Path = ()) -> Iterator[tuple[str, _Path]]:
    """The strings in *value*, and the way to each; not those too deep in it."""
    if isinstance(value, str):
        yield value, path
    elif isinstance(value, dict | list) and len(path) < _MAX_DEPTH:
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _strings(inner, (*path, key))
