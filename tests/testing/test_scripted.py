from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from g4fsync import Retry, Timeout
from g4fsync.errors import (
    AuthenticationError,
    ConnectionFailed,
    InvalidRequest,
    ProtocolError,
    ProviderError,
    RateLimited,
    ServerError,
    StreamInterrupted,
    StreamTruncated,
)
from g4fsync.events import Event
from g4fsync.messages import ChatRequest
from g4fsync.providers.base import Provider
from g4fsync.settings import Limits
from g4fsync.testing import (
    Connection,
    Reply,
    Request,
    ScriptedTransport,
    SocketEvent,
    chat,
    request,
)
from g4fsync.transport.base import Transport


class Lines(Provider):
    name = "lines"
    base_url = "http://lines.test"
    open_models = True
    default_model = "m"
    options = frozenset({"seed"})
    has_end_mark = False

    def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
        body = {"q": request.last.content, **request.options}
        yield from transport.post("/ask", json=body).records()


ASK = "POST /ask"


# -- requests and answers ---------------------------------------------------------


def test_it_is_a_transport() -> None:
    transport: Transport = ScriptedTransport({})
    assert transport.api_key is None


def test_what_was_sent_is_noted_down_as_the_far_side_sees_it() -> None:
    transport = ScriptedTransport({"POST /a": b"", "GET /b": b"", "DELETE /c": b""})
    transport.post("/a", json={"t": (1, "ё")}, headers={"X-A": "1"})
    transport.post("/a", body=b"raw")
    transport.post("/a")
    transport.get("/b", params={"q": "1"})
    transport.delete("/c")
    assert transport.sent == [
        ("POST", "/a", {"t": [1, "ё"]}),
        ("POST", "/a", b"raw"),
        ("POST", "/a", None),
        ("GET", "/b", None),
        ("DELETE", "/c", None),
    ]
    assert transport.requests[0] == Request("POST", "/a", {"t": [1, "ё"]}, headers={"X-A": "1"})
    assert transport.requests[3] == Request("GET", "/b", params={"q": "1"})


@pytest.mark.parametrize(
    "body", [b'{"a": 1}', [b'{"a"', b": 1}"], {"a": 1}, Reply({"a": 1}), Reply([b'{"a": 1}'])]
)
def test_a_body_may_be_written_in_many_ways(body: Any) -> None:
    response = ScriptedTransport({"GET /": body}).get("/")
    assert (response.status, response.json()) == (200, {"a": 1})


def test_headers_are_looked_up_without_case() -> None:
    reply = Reply(b"", headers={"Content-Type": "text/PLAIN; charset=x", "X-A": "1"})
    response = ScriptedTransport({"GET /": reply}).get("/")
    assert (response.headers["x-a"], response.headers.get("X-B")) == ("1", None)
    assert (response.media_type, sorted(response.headers)) == (
        "text/plain",
        ["content-type", "x-a"],
    )
    assert len(response.headers) == 2


def test_a_mapping_goes_as_json_unless_said_otherwise() -> None:
    transport = ScriptedTransport(
        {
            "GET /a": {"a": 1},
            "GET /b": Reply({"a": 1}, headers={"Content-Type": "text/plain"}),
            "GET /c": b"{}",
        }
    )
    types = [transport.get(path).media_type for path in ("/a", "/b", "/c")]
    assert types == ["application/json", "text/plain", ""]


def test_one_answer_serves_every_time() -> None:
    transport = ScriptedTransport({"GET /": b"1"})
    assert [transport.get("/").json() for _ in range(3)] == [1, 1, 1]


def test_a_tuple_holds_the_answers_in_order() -> None:
    transport = ScriptedTransport(
        {"GET /": (b"1", Reply(status=429), ConnectionFailed("no"), b"2")}
    )
    assert transport.get("/").json() == 1
    with pytest.raises(RateLimited):
        transport.get("/")
    with pytest.raises(ConnectionFailed):
        transport.get("/")
    assert transport.get("/").json() == 2
    with pytest.raises(AssertionError, match=r"^'GET /' is asked for more than 4 times$"):
        transport.get("/")


def test_a_request_that_is_not_foreseen_is_an_assertion_error() -> None:
    with pytest.raises(AssertionError) as caught:
        ScriptedTransport({"GET /a": b"", "GET /b": b""}).post("/a")
    assert str(caught.value) == (
        "no answer is scripted for 'POST /a', only for ['GET /a', 'GET /b']"
    )


def test_an_exception_in_place_of_an_answer_means_it_was_not_sent() -> None:
    transport = ScriptedTransport({"GET /": ConnectionFailed("refused")})
    with pytest.raises(ConnectionFailed, match=r"^refused$"):
        transport.get("/")
    assert (transport.sent, transport.requests) == ([], [Request("GET", "/")])


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply({"error": "no"}, status=400), ProviderError),
        (Reply(b"no", status=401), AuthenticationError),
        (Reply([b"n", b"o"], status=500), ServerError),
    ],
)
def test_a_refusal_is_the_error_it_is_for_users(reply: Reply, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=rf"^HTTP {reply.status}: no$"):
        ScriptedTransport({"GET /": reply}).get("/")


def test_a_refusal_whose_body_breaks_is_still_told_by_its_status() -> None:
    reply = Reply([b"half", StreamInterrupted("cut")], status=500)
    with pytest.raises(ServerError, match=r"^HTTP 500: half$"):
        ScriptedTransport({"GET /": reply}).get("/")


@pytest.mark.parametrize("value", [{"a": float("nan")}, object(), {"a": {1}}])
def test_what_is_no_json_can_not_be_sent(value: object) -> None:
    with pytest.raises(InvalidRequest, match="can't be sent as JSON"):
        ScriptedTransport({"POST /": b""}).post("/", json=value)


@pytest.mark.parametrize("path", ["/a b", "/a?b", "/a#b", "/ё", "/a\n", "\\"])
def test_a_path_must_be_a_path(path: str) -> None:
    with pytest.raises(InvalidRequest, match="can't be requested"):
        ScriptedTransport({f"GET {path}": b""}).get(path)


@pytest.mark.parametrize("value", ["a\nb", "a\0", "Привет", "\x7f"])
def test_a_header_must_fit_its_line(value: str) -> None:
    with pytest.raises(InvalidRequest, match="header 'X-A'"):
        ScriptedTransport({"GET /": b""}).get("/", headers={"X-A": value})


# -- bodies ------------------------------------------------------------------------


def test_an_exception_among_the_pieces_is_raised_when_it_is_reached() -> None:
    reply = Reply([b"1\n", StreamInterrupted("cut"), b"2\n"])
    records = ScriptedTransport({"GET /": reply}).get("/").records()
    assert next(records) == 1
    with pytest.raises(StreamInterrupted):
        next(records)


def test_pieces_come_as_they_are_scripted() -> None:
    assert list(ScriptedTransport({"GET /": [b"a", b"", b"b"]}).get("/").pieces()) == [
        b"a",
        b"",
        b"b",
    ]


def test_a_socket_event_is_no_piece_of_a_body() -> None:
    response = ScriptedTransport({"GET /": [SocketEvent("a")]}).get("/")
    with pytest.raises(AssertionError, match="is scripted for an HTTP body"):
        list(response.pieces())


def test_the_last_value_given_is_the_evidence() -> None:
    transport = ScriptedTransport({"GET /a": b"1\n2\n", "GET /b": b"3", "GET /c": b'4\n[5]\n"6"'})
    seen = []
    list(transport.get("/a").records())
    seen.append(transport.latest)
    transport.get("/b").json()
    seen.append(transport.latest)
    with pytest.raises(StreamTruncated):
        list(transport.get("/c").records())
    assert [*seen, transport.latest] == [2, 3, [5]]


@pytest.mark.parametrize(
    ("reply", "kind", "message"),
    [
        (Reply(b"1\n", status=206), ProtocolError, "HTTP 206 in place of a stream"),
        (
            Reply(b"hi", headers={"Content-Type": "text/html"}),
            ProviderError,
            "HTTP 200: an HTML page in place of an answer",
        ),
        (Reply(b" <html>hi"), ProviderError, "HTTP 200: an HTML page in place of an answer"),
        (
            Reply(b"hi", headers={"Content-Type": "image/png"}),
            ProtocolError,
            "expected a stream, got content type 'image/png'",
        ),
        (
            Reply({"error": "no"}, headers={"Content-Type": "application/problem+json"}),
            ProviderError,
            "no",
        ),
        (Reply(b""), StreamTruncated, "the answer is empty: no line in it"),
    ],
)
def test_what_is_no_stream_is_told(reply: Reply, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        list(ScriptedTransport({"GET /": reply}).get("/").records())
    assert (type(caught.value), str(caught.value)) == (kind, message)


def test_json_in_place_of_events_is_told() -> None:
    with pytest.raises(ProtocolError, match="got content type 'application/json'"):
        list(ScriptedTransport({"GET /": {"a": 1}}).get("/").events())


def test_a_page_in_place_of_json_is_told() -> None:
    reply = Reply(b"hi", headers={"Content-Type": "text/html"})
    with pytest.raises(ProviderError, match="an HTML page"):
        ScriptedTransport({"GET /": reply}).get("/").json()


def test_an_empty_event_stream_is_cut_unless_it_may_be_empty() -> None:
    transport = ScriptedTransport({"GET /": b": ping\n\n"})
    assert list(transport.get("/").events(empty_ok=True)) == []
    with pytest.raises(StreamTruncated, match=r"^the answer is empty: no event in it$"):
        list(transport.get("/").events())


def test_a_json_answer_has_a_limit() -> None:
    transport = ScriptedTransport({"GET /": [b"12", b"34"]}, limits=Limits(json=3))
    with pytest.raises(ProtocolError, match=r"^the JSON answer is longer than 3 bytes$"):
        transport.get("/").json()


@pytest.mark.parametrize("method", ["events", "values", "records"])
def test_an_event_and_a_line_have_a_limit(method: str) -> None:
    script = {"GET /": b"data: 12345\n\ndata: 12345\n\n"}
    transport = ScriptedTransport(script, limits=Limits(event=8))
    with pytest.raises(ProtocolError, match=r"longer than 8 bytes$"):
        list(getattr(transport.get("/"), method)())


@pytest.mark.parametrize("value", [0, -1, 1.5, True, None, "8"])
def test_a_limit_is_a_whole_number(value: Any) -> None:
    with pytest.raises(InvalidRequest, match="limit json must be a whole number above 0"):
        Limits(json=value)


def test_of_a_refusal_only_some_is_read() -> None:
    reply = Reply([b"ab", b"cd", StreamInterrupted("never reached")], status=400)
    with pytest.raises(ProviderError, match=r"^HTTP 400: abc$"):
        ScriptedTransport({"GET /": reply}, limits=Limits(error_body=3)).get("/")


# -- Socket.IO -----------------------------------------------------------------------


def test_a_connection_plays_its_events_and_ends() -> None:
    events: list[bytes | SocketEvent | BaseException] = [SocketEvent("a", (1,)), SocketEvent("b")]
    transport = ScriptedTransport({"SOCKETIO /ws/": events})
    auth = {"token": None}
    with transport.socketio("/ws/", namespace="/chat", auth=auth, headers={"X": "1"}) as socket:
        socket.emit("ask", {"t": (1,)}, 2)
        assert list(socket) == events
    assert list(socket) == []
    assert transport.connections == [Connection("/ws/", "/chat", auth, {"X": "1"})]
    assert transport.sent == [("EMIT", "ask", ({"t": [1]}, 2))]
    assert transport.latest == SocketEvent("b")


def test_nothing_is_connected_before_the_block() -> None:
    transport = ScriptedTransport({"SOCKETIO /ws/": []})
    transport.socketio("/ws/", namespace="/")
    assert transport.connections == []


def test_an_exception_among_the_events_is_raised_when_it_is_reached() -> None:
    transport = ScriptedTransport({"SOCKETIO /": [SocketEvent("a"), StreamInterrupted("cut")]})
    with transport.socketio("/", namespace="/") as socket, pytest.raises(StreamInterrupted):
        list(socket)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(Reply(b"no", status=403), AuthenticationError), (ConnectionFailed("no"), ConnectionFailed)],
)
def test_a_connection_may_be_refused(answer: Any, kind: type[Exception]) -> None:
    transport = ScriptedTransport({"SOCKETIO /": answer})
    with pytest.raises(kind), transport.socketio("/", namespace="/"):
        pass
    assert len(transport.connections) == 1


def test_bytes_are_no_event() -> None:
    transport = ScriptedTransport({"SOCKETIO /": [b"a"]})
    with (
        transport.socketio("/", namespace="/") as socket,
        pytest.raises(AssertionError, match="is scripted for a connection"),
    ):
        list(socket)


def test_what_is_no_json_can_not_be_emitted() -> None:
    transport = ScriptedTransport({"SOCKETIO /": []})
    with transport.socketio("/", namespace="/") as socket, pytest.raises(InvalidRequest):
        socket.emit("ask", object())


# -- time, chance, clean-up -----------------------------------------------------------


def test_sleeping_takes_no_time_and_moves_the_clock() -> None:
    transport = ScriptedTransport({}, now=100.0)
    transport.sleep(5.0)
    transport.sleep(0.5)
    assert (transport.now(), transport.slept) == (105.5, [5.0, 0.5])


def test_chance_is_seeded() -> None:
    first, again, other = (ScriptedTransport({}, seed=seed).random.random() for seed in (1, 1, 2))
    assert first == again != other


def test_the_key_is_the_users() -> None:
    assert ScriptedTransport({}, api_key="k").api_key == "k"


def test_a_clean_up_that_fails_is_noted_and_hides_nothing() -> None:
    transport = ScriptedTransport({"DELETE /": Reply(status=500)})
    with transport.cleanup(seconds=1.0):
        transport.delete("/")
    assert [type(error) for error in transport.cleanup_errors] == [ServerError]


def test_how_it_was_closed_is_told() -> None:
    transport = ScriptedTransport({})
    seen = [transport.closed]
    transport.close()
    seen.append(transport.closed)
    transport.close(graceful=True)
    assert [*seen, transport.closed] == [None, "abruptly", "gracefully"]


# -- asking through the engine ----------------------------------------------------------


def test_request_is_what_a_client_makes_of_its_arguments() -> None:
    made = request(Lines(), "Hi", model="x", seed=1)
    assert (made.last.content, made.model, made.options) == ("Hi", "x", {"seed": 1})


@pytest.mark.parametrize(
    "arguments", [{"messages": []}, {"messages": "Hi", "zzz": 1}, {"messages": "Hi", "seed": "x"}]
)
def test_wrong_arguments_are_refused_as_a_client_does(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        request(Lines(), **arguments)
    with pytest.raises(InvalidRequest):
        chat(Lines(), **arguments)


def test_chat_gives_each_attempt_the_next_transport() -> None:
    first, second = ScriptedTransport({ASK: Reply(status=503)}), ScriptedTransport({ASK: b'"Hi"\n'})
    stream = chat(Lines(), "Hello", first, second, seed=1)
    assert list(stream) == ["Hi"]
    assert first.sent == second.sent == [("POST", "/ask", {"q": "Hello", "seed": 1})]
    assert (first.closed, second.closed) == ("abruptly", "gracefully")
    assert (stream.provider, stream.model) == ("lines", "m")


def test_without_a_retry_there_are_as_many_attempts_as_transports() -> None:
    transports = [ScriptedTransport({ASK: Reply(status=503)}) for _ in range(2)]
    stream = chat(Lines(), "Hello", *transports)
    with pytest.raises(ServerError):
        stream.result()
    assert len(stream.attempts) == 2


def test_one_attempt_too_many_is_an_assertion_error() -> None:
    transport = ScriptedTransport({ASK: Reply(status=503)})
    stream = chat(Lines(), "Hello", transport, retry=Retry(2, 0, 0), timeout=Timeout(total=5))
    with pytest.raises(AssertionError, match="one attempt more than the 1 transports given"):
        stream.result()
