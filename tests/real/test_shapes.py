"""The same script with ``openai`` and with the shape this package has of it: nothing differs."""

from __future__ import annotations

import pytest

from tests.compat.running import PROGRAMS, printed_there, run, source

from .conftest import Installed
from .shapes.openai_responses import RESPONSE_STREAMS, RESPONSES
from .shapes.openai_streams import COMPLETIONS, REFUSALS, STREAMS, TOLD
from .shapes.running import Outcome, outcome

GROUP = "shapes"
Both = tuple[Outcome, Outcome]


@pytest.fixture(scope="module")
def both(installed_python: Installed) -> Both:
    """What the library gives, and what the shape gives."""
    python = installed_python(GROUP).command[0]
    return outcome(python, "openai"), outcome(python, "g4fsync.compat.openai")


def test_the_same_requests_are_sent(both: Both) -> None:
    theirs, ours = both
    assert len(theirs.asked) >= 60
    assert set(ours.asked) == set(theirs.asked)
    for case, asked in theirs.asked.items():
        assert ours.asked[case] == asked, case


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        ("sent", 60),
        ("stream", 40),
        ("told", len(TOLD)),
        ("completion", len(COMPLETIONS)),
        ("refusal", len(REFUSALS)),
        ("refused stream", 5),
        ("events", 15),
        ("response", len(RESPONSES)),
        ("response stream", len(RESPONSE_STREAMS)),
        ("response events", len(RESPONSE_STREAMS)),
        ("response parsed", len(RESPONSES) + 1),
        ("", 10),
    ],
)
def test_the_same_comes_back(both: Both, kind: str, count: int) -> None:
    theirs, ours = both
    cases = [case for case in theirs.seen if case.rpartition("/")[0] == kind]
    assert len(cases) >= count
    for case in cases:
        assert ours.seen[case] == theirs.seen[case], case


def test_no_case_has_failed_at_both(both: Both) -> None:
    theirs, _ = both
    failed = [case for case, seen in theirs.seen.items() if str(seen).startswith("failed: ")]
    # Their final answers can't be had, whether or not a type was asked for.
    assert failed == ["events/length", "response events/incomplete"]
    assert {each for case, each in theirs.seen.items() if case.startswith("sent/")} == {"sent"}
    assert len(STREAMS) >= 40


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_prints_there_what_is_written_beside_it(
    name: str, installed_python: Installed
) -> None:
    group = GROUP if name.startswith("openai") else "g4f"
    assert run(installed_python(group).command[0], source(name)) == printed_there(name)
