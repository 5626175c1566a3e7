from __future__ import annotations

import copy
import pickle
import re

import pytest

from g4fsync import errors
from g4fsync.errors import (
    BODY_BYTES,
    AllFailed,
    AuthenticationError,
    ConnectionFailed,
    DeadlineExceeded,
    G4FSyncError,
    InvalidRequest,
    ProtocolError,
    ProviderError,
    RateLimited,
    ServerError,
)
from g4fsync.events import Attempt

BUILT_IN = {
    "InvalidRequest": ValueError,
    "ConnectionFailed": ConnectionError,
    "DeadlineExceeded": TimeoutError,
}


def drawn() -> list[tuple[str, str, str]]:
    """Name, parent and remark of each error in the docstring's drawing."""
    assert errors.__doc__
    above: list[str] = []
    found = []
    for line in errors.__doc__.splitlines():
        row = re.match(r"    ((?:│  |   )*)(?:[├└]─ )?([A-Z]\w+)(.*)", line)
        if row and ("─" in line or row[2] == "G4FSyncError"):
            depth = 0 if row[2] == "G4FSyncError" else 1 + len(row[1]) // 3
            above[depth:] = [row[2]]
            found.append((row[2], above[depth - 1] if depth else "Exception", row[3]))
    return found


def test_the_tree_is_as_it_is_drawn() -> None:
    defined = {
        name: value.__bases__[0].__name__
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, G4FSyncError)
    }
    assert defined == {name: parent for name, parent, _ in drawn()}


@pytest.mark.parametrize(("name", "_parent", "remark"), drawn(), ids=lambda part: str(part)[:12])
def test_what_is_drawn_beside_a_class_holds(name: str, _parent: str, remark: str) -> None:
    error = getattr(errors, name)("message")
    retried = name in ("RateLimited", "ServerError", "ConnectionFailed", "StreamInterrupted")
    assert error.retryable is retried
    assert ("(retry)" in remark) is (retried and name != "StreamInterrupted")
    for attribute in re.findall(r"\.(\w+)", remark):
        assert hasattr(error, attribute)
    if "also" in remark:
        assert isinstance(error, BUILT_IN[name])
        assert BUILT_IN[name].__name__ in remark
    assert (error.provider, error.model, error.partial, error.attempts) == (None, None, "", ())


@pytest.mark.parametrize("name", [name for name, *_ in drawn()])
def test_every_error_can_be_made_of_nothing(name: str) -> None:
    assert str(getattr(errors, name)()) == ""


@pytest.mark.parametrize("name", [name for name, *_ in drawn()])
def test_every_error_pickles_with_all_it_knows(name: str) -> None:
    error = getattr(errors, name)("message")
    error.provider, error.model, error.partial = "koala", "m", "Hel"
    error.attempts = (Attempt(1, "koala", "m", "stream", 0.5, error),)
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is type(error)
        assert str(twin) == str(error) == "koala: message"
        assert (twin.provider, twin.model, twin.partial) == ("koala", "m", "Hel")
        assert twin.attempts[0].seconds == 0.5


@pytest.mark.parametrize(
    "error",
    [
        RateLimited("m", status=429, code="c", body="b", retry_after=2.0, retryable=False),
        AuthenticationError("m", status=401, code="c", body="b"),
        ProtocolError("m", evidence="e"),
        DeadlineExceeded("m", clock="idle"),
        AllFailed("m", errors=[ServerError("a"), ConnectionFailed("b")]),
    ],
)
def test_what_a_class_adds_pickles_too(error: G4FSyncError) -> None:
    twin = pickle.loads(pickle.dumps(error))
    known = {name: value for name, value in vars(error).items() if name != "errors"}
    assert {name: getattr(twin, name) for name in known} == known
    assert str(twin) == str(error)


def test_all_failed_keeps_its_errors_in_order() -> None:
    inner = [ServerError("a", provider="koala"), ConnectionFailed("b", provider="flowgpt")]
    error = AllFailed("none of 2 models answered", errors=inner)
    assert error.errors == tuple(inner)
    twin = pickle.loads(pickle.dumps(error))
    assert [str(each) for each in twin.errors] == ["koala: a", "flowgpt: b"]


def test_the_providers_name_stands_first_and_once() -> None:
    assert str(ProviderError("said no", provider="koala")) == "koala: said no"
    assert str(ProviderError("koala: said no", provider="koala")) == "koala: said no"
    assert str(ProviderError("said no")) == "said no"


def test_half_a_character_that_a_server_sent_can_be_printed() -> None:
    error = ProviderError("no \ud83d\ude00, \ud83d")
    assert str(error) == "no \U0001f600, \ufffd"
    assert str(error).encode()


def test_the_built_in_kinds_catch_ours() -> None:
    with pytest.raises(ValueError, match="wrong"):
        raise InvalidRequest("wrong")
    with pytest.raises(ConnectionError, match="refused"):
        raise ConnectionFailed("refused")
    with pytest.raises(TimeoutError, match="late"):
        raise DeadlineExceeded("late")


def test_retryable_can_be_told_for_one_error() -> None:
    assert not RateLimited(retryable=False).retryable
    assert ProviderError(retryable=True).retryable
    assert RateLimited().retryable


def test_what_a_server_sent_is_kept_in_part() -> None:
    long = "x" * (BODY_BYTES + 1)
    kept = [ProviderError(body=long).body, AuthenticationError(body=long).body]
    kept.append(ProtocolError(evidence=long).evidence)
    assert {len(each) for each in kept} == {BODY_BYTES}
