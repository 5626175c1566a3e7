"""``python -m tests.fuzz [--minutes 10] [--target sse] [--seed 1]``: fuzz for long.

Guided by coverage: an input that reaches new lines is changed further.  One
that breaks the rule is saved beside the corpus, told, and ends the run with 1.
With atheris installed, ``--atheris`` lets that one drive a single target.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import random
import sys
import time
import traceback

from tests.fuzz.mutations import Coverage, mutated
from tests.fuzz.targets import CORPUS, TARGETS, run, seeds


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--target", choices=sorted(TARGETS), action="append")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", action="store_true", help="put inputs that reach new lines there")
    parser.add_argument("--atheris", action="store_true")
    arguments = parser.parse_args()
    chosen = arguments.target or sorted(TARGETS)
    if arguments.atheris:
        return _atheris(chosen[0])
    logging.disable()  # what a cookie file lacks is no news here
    chance = random.Random(arguments.seed)
    seconds = arguments.minutes * 60 / len(chosen)
    failures = sum(_fuzz(target, seconds, chance, keep=arguments.keep) for target in chosen)
    return 1 if failures else 0


def _fuzz(target: str, seconds: float, chance: random.Random, *, keep: bool) -> int:
    """Fuzz one target; how many inputs broke the rule."""
    coverage = Coverage()
    pool = list(seeds(target)) or [b""]
    for each in pool:
        coverage.reaches_new(lambda each=each: run(target, each))  # type: ignore[misc]
    until, count, broken = time.monotonic() + seconds, 0, set()
    while time.monotonic() < until:
        content = mutated(chance.choice(pool), pool, chance)
        count += 1
        try:
            new = coverage.reaches_new(lambda content=content: run(target, content))  # type: ignore[misc]
        except Exception as exc:
            where = traceback.extract_tb(exc.__traceback__)[-1]
            if (where.filename, where.lineno) not in broken:
                broken.add((where.filename, where.lineno))
                _tell(target, content, exc)
            continue
        if new:
            pool.append(content)
            if keep and len(content) <= 2000:
                _save(target, content)
    print(f"{target:14} {count:8} inputs, {len(coverage.steps):6} steps, {len(broken)} broken")
    return len(broken)


def _tell(target: str, content: bytes, exc: Exception) -> None:
    path = _save(target, content, "broken-")
    traceback.print_exception(exc)
    print(f"{target}: saved as {path}", file=sys.stderr)


def _save(target: str, content: bytes, prefix: str = "") -> str:
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{prefix}{hashlib.sha256(content).hexdigest()[:12]}"
    path.write_bytes(content)
    return str(path.relative_to(CORPUS))


def _atheris(target: str) -> int:
    import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]  # not a dependency

    atheris.instrument_all()
    atheris.Setup(
        [sys.argv[0], str(CORPUS / target)], lambda content: run(target, content) and None
    )
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
