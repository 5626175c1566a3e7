"""The matrix as a table at the end of the run."""

from __future__ import annotations

from typing import Any

import pytest

from g4fsync.call import attempt
from g4fsync.transport import response
from tests.faults.cells import AFTER_FINISH, ERROR_BODY, Cell
from tests.faults.protocols import EVERY

_SHORT = {
    "whole": "whole",
    "ConnectionFailed": "failed",
    "StreamInterrupted": "interrupted",
    "StreamTruncated": "truncated",
    "ProtocolError": "protocol",
    "ProviderError": "provider",
    "ServerError": "server",
    "RateLimited": "limited",
    "AuthenticationError": "auth",
    "CaptchaRequired": "captcha",
    "ContentFiltered": "filtered",
    "InvalidRequest": "invalid",
    "DeadlineExceeded": "late",
}
_latencies: dict[str, list[float]] = {}  # phase to seconds until a cancelled reader was free
_verdicts: dict[tuple[str, str], str] = {}  # fault and protocol to what the table says


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience that no cell is about is short."""
    monkeypatch.setattr(attempt, "AFTER_FINISH_SECONDS", AFTER_FINISH)
    monkeypatch.setattr(response, "ERROR_BODY_SECONDS", ERROR_BODY)


@pytest.fixture
def cell(request: pytest.FixtureRequest, no_proxy_variables: None) -> Cell:
    """What runs one cell, and enters it in the table."""

    def note(fault: str, protocol: str, expected: str) -> None:
        request.node.user_properties.append(("cell", (fault, protocol, expected)))

    return Cell(note)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    for name, value in report.user_properties:
        if name == "latency" and report.when == "call" and isinstance(value, tuple | list):
            _latencies.setdefault(value[0], []).extend(value[1])
        if name == "cell" and isinstance(value, tuple | list):
            fault, protocol, expected = value
            first, _, clock = expected.partition(" ")
            good = clock or _SHORT.get(first, first)
            if report.failed:
                _verdicts[fault, protocol] = "FAIL"
            elif report.when == "call" and _verdicts.get((fault, protocol)) != "FAIL":
                _verdicts[fault, protocol] = good


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Faults down, protocols across; what is told is what was expected and came."""
    if _verdicts:
        _write_matrix(terminalreporter)
    if _latencies:
        _write_latencies(terminalreporter)


def _write_latencies(terminalreporter: Any) -> None:
    write = terminalreporter.write_line
    terminalreporter.section("cancelled from another thread, milliseconds until the reader is free")
    every = sorted(each for found in _latencies.values() for each in found)
    for phase, found in [*_latencies.items(), ("all phases", every)]:
        ordered = sorted(found)
        p99 = ordered[min(len(ordered) - 1, round(0.99 * len(ordered)))]
        told = f"median {ordered[len(ordered) // 2] * 1000:6.1f}  p99 {p99 * 1000:6.1f}"
        write(f"{phase:28} {told}  max {ordered[-1] * 1000:6.1f}  ({len(ordered)} times)")


def _write_matrix(terminalreporter: Any) -> None:
    rows = list(dict.fromkeys(sorted(fault for fault, _ in _verdicts)))
    names = [protocol.name for protocol in EVERY]
    width = max(map(len, rows))
    write = terminalreporter.write_line
    terminalreporter.section("fault matrix")
    write(" ".join(["fault".ljust(width), *(name.ljust(13) for name in names)]))
    for row in rows:
        verdicts = [_verdicts.get((row, name), "-").ljust(13) for name in names]
        write(" ".join([row.ljust(width), *verdicts]).rstrip())
    failed = sum(verdict == "FAIL" for verdict in _verdicts.values())
    write(
        f"{len(rows)} faults x {len(names)} protocols: {len(_verdicts)} cells, "
        f"{len(_verdicts) - failed} as promised, {failed} violated"
    )
