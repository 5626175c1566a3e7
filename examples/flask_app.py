"""A chat in Flask: the answer goes to the browser as it comes."""

from __future__ import annotations

from flask import Flask, Response, request

from g4fsync import Client
from g4fsync.emulator import Emulator
from g4fsync.web import HEADERS, sse

PAGE = """\
<!DOCTYPE html>
<meta charset="utf-8">
<title>Chat</title>
<form><input name="question" autofocus><button>Ask</button></form>
<pre></pre>
<script>
document.querySelector("form").onsubmit = (event) => {
  event.preventDefault();
  const shown = document.querySelector("pre");
  const question = new URLSearchParams(new FormData(event.target));
  const answer = new EventSource("/chat?" + question);
  shown.textContent = "";
  answer.onmessage = (event) => { shown.append(JSON.parse(event.data).text); };
  answer.addEventListener("done", () => answer.close());
  answer.addEventListener("error", (event) => {
    answer.close();  // or the browser would ask again
    shown.append(event.data ? JSON.parse(event.data).message : "The connection was lost.");
  });
};
</script>
"""


def make_app(client: Client) -> Flask:
    """One client serves all requests: it may be shared by threads."""
    app = Flask(__name__)

    @app.get("/")
    def page() -> str:
        return PAGE

    @app.get("/chat")
    def chat() -> Response:
        stream = client.chat(request.args["question"], timeout=120)
        return Response(sse(stream), headers=dict(HEADERS))

    return app


if __name__ == "__main__":
    with Emulator() as emulator, Client("koala", base_urls=emulator.base_urls) as client:
        # With a key of your own: app = make_app(Client("openai:gpt-5-mini")), and
        # gunicorn --worker-class gthread --threads 32 yourmodule:app
        visitor = make_app(client).test_client()
        print(visitor.get("/chat?question=Why+is+the+sky+blue").text.partition("event: done")[0])
