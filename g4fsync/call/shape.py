"""Whose fault it is when a provider's code fails: the answer's, or a mistake in the code.

Providers read what a server sent plainly (``frame["text"]``), so an answer of
another shape shows as a failed look-up: that is the server's fault, and becomes
a ``ProtocolError``.  The same exceptions come from mistakes in a provider, and
then its author wants them as they are, with their traceback.  What tells them
apart:

* Before anything was sent (or yielded) there is no answer to blame.
* JSON has seven types.  Who looks up an attribute, an item or an operator of
  any other has not been misled by an answer (``transport.websocket``,
  ``response["text"]``); nor has who looks up an attribute that none of the
  seven has (``frame.text``), ``None`` aside: it is also what a search finds in
  an answer that is not as expected.
* A call with wrong arguments, or of what can't be called, is the code's own.

A look-up in a table of the provider's own can't be told from one in the answer.
"""

from __future__ import annotations

import re

MISSHAPEN = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)

# Bytes too: a body of the provider's own format is read as those.
_PLAIN = (dict, list, str, int, float, bool, type(None), bytes)
_PLAIN_NAMES = frozenset((*(each.__name__ for each in _PLAIN), "string", "byte"))
_PLAIN_ATTRIBUTES = frozenset(name for each in _PLAIN for name in dir(each))

_WRONG_CALL = re.compile(
    r"\(\) (missing \d|takes |got an unexpected|got multiple|got some positional|argument after \*)"
    r"|takes no (keyword )?arguments|takes (at most|at least|exactly) "
    r"|expected (at most |at least |exactly )?\d+ (positional )?arguments?\b"
    r"|(invalid|unexpected) keyword argument|missing required|object is not callable"
    r"|^Can't instantiate"
)
# How Python names the types that an operation does not go with.
_NAMED_TYPES = re.compile(
    r"'([\w.]+)' object (?:is not|does not|doesn't)|(?:type|container) '([\w.]+)'"
    r"|(?:: |instances of )'([\w.]+)' and '([\w.]+)'|non-(?:iterable|sequence) ([\w.]+) object"
    r"|, not [\"']?([\w.]+)[\"']?$|\(not \"([\w.]+)\"\)|, ([\w.]+) found$"
    r"|^(\w+) indices must be"
)


class NotText(TypeError):
    """What a provider yielded is neither text nor an event; JSON may hold anything."""


def is_mistake(exc: Exception, *, sent: object) -> bool:
    """Whether *exc*, one of :data:`MISSHAPEN`, shows a mistake in the provider's code.

    *sent*: some request had gone out when it was raised, so there may be an answer to blame.
    """
    if isinstance(exc, NotText):
        return False
    if not sent:
        return True
    if isinstance(exc, AttributeError):
        return _is_attribute_mistake(exc)
    if isinstance(exc, TypeError):
        return _is_type_mistake(str(exc))
    return False


def _is_attribute_mistake(exc: AttributeError) -> bool:
    if exc.name is None or exc.obj is None:
        return False
    return not isinstance(exc.obj, _PLAIN) or exc.name not in _PLAIN_ATTRIBUTES


def _is_type_mistake(message: str) -> bool:
    if _WRONG_CALL.search(message):
        return True
    names = {name for found in _NAMED_TYPES.findall(message) for name in found if name}
    return not names <= _PLAIN_NAMES
