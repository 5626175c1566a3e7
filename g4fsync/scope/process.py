"""What is to be done when the process forks or ends: asked for here, hooked in once.

Three moments, and why they differ:

* :func:`after_fork`: in the child.  Threads are gone, locks that they held stay
  locked, sockets are shared with the parent.
* :func:`before_threads_join`: the main thread has ended, and the interpreter is
  about to wait for thread pools, which would run as long as their workers do.
* :func:`at_exit`: all threads but daemons have ended, modules still work.
* :func:`at_exit_last`: the same, after all that was registered with :func:`at_exit`.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable

_in_child: list[Callable[[], None]] = []
_last: list[Callable[[], None]] = []


def after_fork(function: Callable[[], None]) -> None:
    """Call *function* in each forked child, after those registered before it."""
    _in_child.append(function)


def before_threads_join(function: Callable[[], None]) -> None:
    """Call *function* at the interpreter's end, before it waits for pools of threads."""
    # What concurrent.futures itself uses; a plain atexit function comes too late.
    register = getattr(threading, "_register_atexit", None)
    if register is not None:
        register(function)


def at_exit(function: Callable[[], None]) -> None:
    """Call *function* at the interpreter's end, when only daemon threads are left."""
    atexit.register(function)


def at_exit_last(function: Callable[[], None]) -> None:
    """Call *function* at the interpreter's end, when the others have been."""
    _last.append(function)


def _run_last() -> None:
    for function in _last:
        function()


# The first to be registered is the last to be called.
atexit.register(_run_last)


def _run_in_child() -> None:
    for function in _in_child:
        function()


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no fork
    os.register_at_fork(after_in_child=_run_in_child)
