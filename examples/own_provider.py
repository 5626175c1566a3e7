"""A provider of one's own: a class, a generator, and a test of it without a network."""

from __future__ import annotations

from collections.abc import Iterator

from g4fsync import ChatRequest, Finish, Provider, StreamTruncated, register
from g4fsync.events import Event
from g4fsync.testing import ScriptedTransport, chat
from g4fsync.transport.base import Transport


@register
class Parrot(Provider):
    """Chat with a parrot that answers in lines of JSON."""

    name = "parrot"
    base_url = "https://parrot.example"
    default_model = "grey"
    models = {"grey": "psittacus-erithacus"}  # noqa: RUF012 - nobody changes it
    options = frozenset({"temperature"})

    def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
        body = {"q": request.last.content, "bird": request.model, **request.options}
        for record in transport.post("/ask", json=body).records():
            if record.get("done"):
                yield Finish("stop")  # the end mark: without it an answer is an error
                return
            yield record["text"]


def main() -> None:
    # Bytes as a server might send them, cut where a network might cut them.
    pieces = [b'{"text": "Polly', b' wants"}\n{"text": " a cracker"}\n', b'{"done": true}\n']
    transport = ScriptedTransport({"POST /ask": pieces})
    for chunk in chat(Parrot(), "Hello", transport, temperature=0.5):
        print(repr(chunk))
    print(transport.sent)

    try:
        chat(Parrot(), "Hello", ScriptedTransport({"POST /ask": pieces[:2]})).result()
    except StreamTruncated as error:
        print(f"{error}; came: {error.partial!r}")


if __name__ == "__main__":
    main()  # and for users: Client("parrot").chat("Hello")
