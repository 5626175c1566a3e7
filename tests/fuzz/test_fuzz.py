"""The short run: the corpus as it is, and some thousand changed inputs of each target."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings, strategies as st

from tests.fuzz.mutations import WORDS, Coverage, mutated
from tests.fuzz.targets import TARGETS, run, seeds

COUNT = 400  # changed inputs a target


@pytest.mark.parametrize("target", TARGETS)
def test_the_corpus_raises_nothing_but_our_errors(target: str) -> None:
    found = list(seeds(target))
    assert found, f"{target} has no seed"
    for content in found:
        run(target, content)


@pytest.mark.parametrize("target", TARGETS)
def test_a_seed_of_each_target_is_taken(target: str) -> None:
    """Or the fuzzing would never get beyond the first check."""
    assert any(run(target, content) for content in seeds(target))


@pytest.mark.parametrize("target", TARGETS)
def test_changed_seeds_raise_nothing_but_our_errors(target: str) -> None:
    chance = random.Random(random.getrandbits(32))
    pool = list(seeds(target))
    for _ in range(COUNT):
        content = mutated(chance.choice(pool), pool, chance)
        try:
            run(target, content)
        except Exception:
            print(f"the input was {content!r}")
            raise


@pytest.mark.parametrize("target", TARGETS)
@settings(max_examples=60, deadline=None)
@given(content=st.lists(st.sampled_from(WORDS) | st.binary(max_size=8), max_size=12).map(b"".join))
def test_any_bytes_raise_nothing_but_our_errors(target: str, content: bytes) -> None:
    run(target, content)


def test_coverage_tells_what_is_new() -> None:
    coverage = Coverage()
    assert coverage.reaches_new(lambda: run("json", b"[1]"))
    assert not coverage.reaches_new(lambda: run("json", b"[1]"))
    assert coverage.reaches_new(lambda: run("json", b"["))
