"""Parameters from the folder that the environment names, and the sums at the end."""

from __future__ import annotations

import hashlib

import pytest
from _pytest.terminal import TerminalReporter

from tests.recordings.recording import VARIABLE, Recording, folder, load
from tests.recordings.summary import lines

_SAMPLE = {
    "byte_by_byte": 4,
    "over_a_socket": 5,
    "any_byte_gives_the_same_elements": 4,
}  # one of so many by default, all when slow


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "recording" not in metafunc.fixturenames:
        return
    root = folder()
    if root is None:
        reason = f"{VARIABLE} names no folder of recorded answers"
        skip = pytest.mark.skip(reason=reason)
        metafunc.parametrize("recording", [pytest.param(None, marks=skip, id="none")])
        return
    name = metafunc.function.__name__
    step = next((step for suffix, step in _SAMPLE.items() if name.endswith(suffix)), 1)
    chosen = [each for each in load(root) if each.form == "stream" or "stream" not in name]
    metafunc.parametrize(
        "recording",
        [pytest.param(each, marks=_marks(each, step), id=each.file) for each in chosen],
    )


def _marks(recording: Recording, step: int) -> list[pytest.MarkDecorator]:
    marks: list[pytest.MarkDecorator] = []
    if recording.provider_class() is None:
        marks.append(pytest.mark.skip(reason=f"no provider speaks {recording.kind}"))
    # By its name, so that the sample stays the same when recordings are added.
    if int(hashlib.sha256(recording.file.encode()).hexdigest(), 16) % step:
        marks.append(pytest.mark.slow)
    return marks


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Say how many were exact, each in every way it was read."""
    exact: dict[tuple[str, str], bool] = {}
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, ()):
            properties = dict(getattr(report, "user_properties", ()))
            if "recording" in properties:
                key = str(properties["service"]), str(properties["recording"])
                exact[key] = exact.get(key, True) and outcome == "passed"
    if exact:
        terminalreporter.section("recorded answers")
        for line in lines(exact):
            terminalreporter.line(line)
