"""Side by side: what a reader of many lanes can rely on."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby

import pytest

from g4fsync.errors import Cancelled, DeadlineExceeded, G4FSyncError, InvalidRequest, ServerError
from g4fsync.events import Finish, Reasoning, Usage
from g4fsync.fanout.comparison import Comparison
from g4fsync.fanout.workers import QUEUED_ITEMS
from g4fsync.messages import ChatResult
from tests.fanout.lanes import Play
from tests.support.timing import FREED, MS, Worker, end_soon, eventually

NEVER = 3600.0  # seconds; whoever waits them is ended early
LONG = [str(n) for n in range(40 * QUEUED_ITEMS)]

pytestmark = pytest.mark.usefixtures("no_leaks")


def compared(*plays: Play, max_workers: int | None = None) -> Comparison:
    return Comparison([("m", play.stream) for play in plays], max_workers=max_workers)


def texts(results: tuple[ChatResult | G4FSyncError, ...]) -> list[str]:
    return [each.text if isinstance(each, ChatResult) else type(each).__name__ for each in results]


# -- what is told -----------------------------------------------------------


def test_chunks_of_all_lanes_come_while_they_run() -> None:
    turns = [threading.Event() for _ in range(3)]
    first, second = Play("a", turns[0], "c"), Play(turns[1], "b", turns[2], "d")
    with compared(first, second) as comparison:
        seen = []
        for lane, chunk in comparison:
            seen.append((lane.position, chunk))
            # The next one is made only now: nothing can have been held back.
            if len(seen) < 4:
                [turns[1], turns[0], turns[2]][len(seen) - 1].set()
    assert seen == [(0, "a"), (1, "b"), (0, "c"), (1, "d")]


def test_the_order_within_a_lane_is_kept() -> None:
    lanes = 8
    with compared(*[Play(*LONG) for _ in range(lanes)]) as comparison:
        seen = sorted(((lane.position, chunk) for lane, chunk in comparison), key=lambda s: s[0])
    for _, chunks in groupby(seen, key=lambda s: s[0]):
        assert [chunk for _, chunk in chunks] == LONG


def test_events_are_no_chunks_but_belong_to_the_result() -> None:
    with compared(Play(Reasoning("hm"), "a", Usage(1, 2, 3), Finish("stop"))) as comparison:
        assert [chunk for _, chunk in comparison] == ["a"]
        (result,) = comparison.results
    assert isinstance(result, ChatResult)
    assert (result.reasoning, result.usage, result.finish_reason) == ("hm", Usage(1, 2, 3), "stop")


def test_a_failing_lane_is_a_value_and_disturbs_no_other() -> None:
    broken, whole = Play("a", ServerError("oh")), Play(0.02, "b", "c")
    with compared(broken, whole) as comparison:
        assert sorted(chunk for _, chunk in comparison) == ["a", "b", "c"]
    error, result = comparison.results
    assert isinstance(error, ServerError)
    assert (error.provider, error.model, error.partial) == ("p", "m", "a")
    assert isinstance(result, ChatResult)
    assert result.text == "bc"


def test_results_are_in_the_order_asked() -> None:
    plays = [Play(0.09, "slow"), Play(ServerError("oh")), Play("fast")]
    assert texts(compared(*plays).results) == ["slow", "ServerError", "fast"]


def test_results_may_be_asked_for_in_the_middle_and_again() -> None:
    comparison = compared(Play("a", "b"), Play("c"))
    for _ in comparison:
        assert texts(comparison.results) == ["ab", "c"]
    assert texts(comparison.results) == ["ab", "c"]


def test_what_is_left_by_one_iterator_is_read_by_the_next_in_order() -> None:
    play = Play(*LONG)
    with compared(play) as comparison:
        seen = []
        for _, chunk in comparison:
            seen.append(chunk)
            if chunk == "100":
                seen += [chunk for _, chunk in comparison.interleaved()]
        assert seen == LONG


def test_as_completed_tells_each_lane_as_it_ends() -> None:
    last, first = threading.Event(), Play("first")
    comparison = compared(Play(last, "last"), first, Play(first.freed, ServerError("oh")))
    ended = []
    for lane, result in comparison.as_completed():
        ended.append(lane.position)
        assert lane.result is result
        if len(ended) == 2:
            last.set()
    assert sorted(ended[:2]) == [1, 2]
    assert ended[2] == 0


def test_labels_are_the_models_asked_for_each_its_own() -> None:
    streams = [(label, Play(label).stream) for label in ("a", "b", "a", "a#2", "a")]
    comparison = Comparison(streams)
    assert len(set(comparison.lanes)) == 5
    assert [str(lane) for lane in comparison.lanes[:3]] == ["a", "b", "a#2"]
    assert [lane.position for lane in comparison.lanes] == [0, 1, 2, 3, 4]
    assert texts(comparison.results) == ["a", "b", "a", "a#2", "a"]


def test_the_table_has_a_line_for_each_lane() -> None:
    streams = [
        ("m", Play("Hello", Usage(3, 2), "you").stream),
        ("m", Play("x", ServerError("oh")).stream),
    ]
    comparison = Comparison(streams, max_workers=1)
    before = repr(comparison)
    assert before.startswith("<Comparison of 2, 0 running>\nmodel")
    assert [line.split() for line in before.splitlines()[2:]] == [
        ["m", "waiting"],
        ["m#2", "waiting"],
    ]
    _ = comparison.results
    head, complete, failed = comparison.table().splitlines()
    assert head.split() == ["model", "state", "first", "token", "seconds", "tokens/s"] + [
        "tokens",
        "characters",
    ]
    assert complete.split()[:2] == ["m", "complete"]
    assert complete.split()[-2:] == ["2", "8"]
    assert failed.split()[:2] == ["m#2", "ServerError"]
    assert failed.split()[-1] == "1"
    assert repr(comparison).endswith(comparison.table())


def test_a_lane_that_no_worker_has_taken_is_waiting() -> None:
    go_on = threading.Event()
    with compared(Play("a", go_on), Play("b"), max_workers=1) as comparison:
        next(iter_ := iter(comparison))
        states = [line.split()[1] for line in comparison.table().splitlines()[1:]]
        assert states == ["running", "waiting"]
        go_on.set()
        assert [chunk for _, chunk in iter_] == ["b"]


def test_a_notebook_gets_the_table_and_the_answers_and_nothing_in_them_acts() -> None:
    answer = Play("**bold** <script>y</script> [label](javascript:z)")
    comparison = Comparison([("<script>x</script>", answer.stream), ("m", Play("b").stream)])
    assert "<strong>" not in comparison._repr_html_()  # which does not wait
    assert not answer.begun.is_set()
    _ = comparison.results
    shown = comparison._repr_html_()
    assert "<script>" not in shown
    assert "href" not in shown
    assert "&lt;script&gt;x&lt;/script&gt;" in shown
    assert "<strong>bold</strong> &lt;script&gt;y&lt;/script&gt;" in shown
    assert shown.count("<tr>") == 3
    assert "\n\n## m\n\nb\n" in comparison._repr_markdown_()


# -- threads and memory -----------------------------------------------------


def test_a_slow_reader_holds_the_lanes_back() -> None:
    plays = [Play(*LONG), Play(*LONG)]
    with compared(*plays) as comparison:
        chunks = iter(comparison)
        next(chunks)
        # Queued, taken by the reader at once, read, and one in each worker's hand.
        queued = QUEUED_ITEMS * len(plays)
        most = 2 * queued + 1 + len(plays)
        eventually(lambda: sum(play.yielded for play in plays) >= queued)
        time.sleep(100 * MS)
        assert sum(play.yielded for play in plays) <= most
        assert len(list(chunks)) == 2 * len(LONG) - 1


def test_a_lane_held_back_still_ends_in_its_time() -> None:
    play = Play(*LONG)
    with compared(play) as comparison:
        chunks = iter(comparison)
        next(chunks)
        end_soon(play.scope)
        eventually(lambda: comparison.lanes[0].result is not None)
        assert isinstance(comparison.lanes[0].result, DeadlineExceeded)
        assert len(list(chunks)) < len(LONG)


def test_leaving_the_loop_ends_all_lanes() -> None:
    plays = [Play("a", NEVER), Play(*LONG), Play(NEVER)]
    comparison = compared(*plays)
    started = time.monotonic()
    for _ in comparison:
        break
    assert time.monotonic() - started < FREED
    assert all(play.freed.is_set() for play in plays if play.begun.is_set())
    assert texts(comparison.results) == ["Cancelled"] * 3


def test_leaving_the_block_keeps_what_has_come() -> None:
    silent = Play("part", NEVER)
    with compared(silent, Play("whole")) as comparison:
        for lane, _ in comparison.as_completed():
            assert lane.position == 1
            break
    error, result = comparison.results
    assert isinstance(error, Cancelled)
    assert isinstance(result, ChatResult)
    assert error.partial in ("part", "")


def test_another_thread_may_close_while_one_reads() -> None:
    plays = [Play("a", NEVER), Play("b", NEVER)]
    comparison = compared(*plays)
    reader = Worker(lambda: list(comparison))
    eventually(lambda: all(play.yielded for play in plays))
    comparison.close()
    assert sorted(chunk for _, chunk in reader.result()) == ["a", "b"]


def test_a_close_while_an_item_is_looked_at_ends_the_loop_there() -> None:
    play = Play("a", "b", "c", NEVER)
    comparison = compared(play)
    seen = []
    for _, chunk in comparison:
        seen.append(chunk)
        eventually(lambda: play.yielded == 3)
        comparison.close()
    assert seen == ["a"]
    assert list(comparison) == []


def test_another_thread_may_close_at_any_moment() -> None:
    for _ in range(50):
        comparison = compared(*[Play("a", "b") for _ in range(4)])
        reader: Worker[object] = Worker(partial(list, comparison))
        comparison.close()
        reader.result()


def test_fewer_workers_than_lanes_take_one_after_the_other() -> None:
    plays = [Play("a", 0.01) for _ in range(6)]
    with compared(*plays, max_workers=2) as comparison:
        assert len(list(comparison)) == 6
    names = {play.thread for play in plays}
    assert len(names) <= 2
    assert all(name.startswith("g4fsync-lane") for name in names)


def test_a_lane_that_no_worker_took_is_cancelled_too() -> None:
    first, second = Play("a", NEVER), Play("b")
    with compared(first, second, max_workers=1) as comparison:
        next(iter(comparison))
    assert texts(comparison.results) == ["Cancelled", "Cancelled"]
    assert not second.begun.is_set()


def test_no_workers_are_a_wrong_call() -> None:
    with pytest.raises(InvalidRequest, match="max_workers must be 1 or more, got 0"):
        compared(Play("a"), max_workers=0)


def test_an_executor_that_is_given_is_used_and_left_open() -> None:
    plays = [Play("a"), Play("b")]
    with ThreadPoolExecutor(2, thread_name_prefix="mine") as pool:
        comparison = Comparison([("m", play.stream) for play in plays], executor=pool)
        assert texts(comparison.results) == ["a", "b"]
        assert all(play.thread.startswith("mine") for play in plays)
        assert pool.submit(int, "7").result() == 7


def test_an_executor_that_refuses_leaves_nothing_behind() -> None:
    class OneOnly(ThreadPoolExecutor):
        def submit(self, *args: object, **kwargs: object):  # type: ignore[no-untyped-def]
            if self._threads:
                raise RuntimeError("full")
            return super().submit(*args, **kwargs)  # type: ignore[arg-type]

    first = Play("a", NEVER)
    with OneOnly(1) as pool:
        streams = [("m", first.stream), ("m", Play("b").stream)]
        with pytest.raises(RuntimeError, match="full"), Comparison(streams, executor=pool):
            pass
        eventually(first.freed.is_set, "the lane that had begun is ended")


def test_what_is_no_error_of_ours_is_raised_in_the_reader() -> None:
    with pytest.raises(ZeroDivisionError), compared(Play(ZeroDivisionError()), Play(NEVER)) as c:
        list(c)
