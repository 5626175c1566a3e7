"""A chat in Django under WSGI, in one file: the answer goes to the browser as it comes."""

from __future__ import annotations

from functools import cache

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, StreamingHttpResponse
from django.test import Client as Visitor
from django.urls import path

from g4fsync import Client
from g4fsync.emulator import Emulator
from g4fsync.web import HEADERS, sse

base_urls: dict[str, str] = {}  # of the stand-in below; yours needs none


@cache
def client() -> Client:
    """One for each process, made when it is first wanted; threads may share it."""
    return Client("koala", base_urls=base_urls)


def chat(request: HttpRequest) -> StreamingHttpResponse:
    stream = client().chat(request.GET["question"], timeout=120)
    # Django closes what it was given when the browser leaves, and the connection with it.
    return StreamingHttpResponse(sse(stream), headers=dict(HEADERS))


urlpatterns = [path("chat", chat)]

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="for this example")
django.setup()
application = get_wsgi_application()  # gunicorn --worker-class gthread yourmodule:application

if __name__ == "__main__":
    with Emulator() as emulator:
        base_urls.update(emulator.base_urls)
        response = Visitor().get("/chat", {"question": "Why is the sky blue"})
        print(response.getvalue().decode().partition("event: done")[0])
