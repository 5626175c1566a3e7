"""``python -m tests.real --latest``: the official SDKs, whatever is newest, and what changed.

It prints the versions, pinned and newest, and each case that saw something else than with the
pinned ones.  Exit 0: no case differs; 1: some do; 2: nothing could be installed.  With ``--write``
it writes down what the pinned versions see in ``expected.json``, to be looked at before it is kept.
"""

from __future__ import annotations

import argparse
import json
import sys

from .environments import Environment, NotInstalled, node_environment, pins, python_environment
from .official import EXPECTED_FILE, SCRIPTS, Cases, cases_seen, expected


def main() -> int:
    """Run as the arguments say; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.real", description=__doc__)
    parser.add_argument("--latest", action="store_true", help="newest versions, not the pinned")
    parser.add_argument("--write", action="store_true", help="write expected.json anew")
    chosen = parser.parse_args()
    environments = installed(latest=chosen.latest)
    if not environments:
        return 2
    seen: dict[str, Cases] = {}
    differ = 0
    for script in SCRIPTS:
        if script.needs not in environments:
            continue
        cases, failures = cases_seen(script, environments[script.needs])
        seen[script.name] = cases
        if not chosen.write:
            differ += report(script.name, cases, expected(script))
        for failure in failures:
            differ += 1
            print(f"{script.name}: the emulator failed: {failure!r}")
    if chosen.write:
        text = json.dumps(seen, indent=1, ensure_ascii=False)
        EXPECTED_FILE.write_text(f"{text}\n", encoding="utf-8")
        return 0
    print(f"{differ} differ" if differ else "no case differs")
    return 1 if differ else 0


def installed(*, latest: bool) -> dict[tuple[str, str], Environment]:
    """The environments that can be made, by group and registry; says which versions are in them."""
    environments = {}
    for group, registry in dict.fromkeys(script.needs for script in SCRIPTS):
        make = python_environment if registry == "pypi" else node_environment
        try:
            environment = make(group, latest=latest)
        except NotInstalled as exc:
            print(f"{group}, {registry}: not installed: {exc}", file=sys.stderr)
            continue
        environments[group, registry] = environment
        for name, old in pins(group, registry).items():
            new = environment.versions[name]
            print(f"{registry} {name} {old}" + ("" if new == old else f" -> {new}"))
    return environments


def report(script: str, seen: Cases, wanted: Cases) -> int:
    """Print the cases that differ; how many they are."""
    differing = [name for name in {**wanted, **seen} if seen.get(name) != wanted.get(name)]
    for name in differing:
        print(f"{script} {name}:")
        print(f"  expected {json.dumps(wanted.get(name), ensure_ascii=False)}")
        print(f"  seen     {json.dumps(seen.get(name), ensure_ascii=False)}")
    return len(differing)


if __name__ == "__main__":
    sys.exit(main())
