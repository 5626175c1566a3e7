"""``examples/`` for a WSGI server; ``BASE_URLS`` (JSON) says where the providers are."""

from __future__ import annotations

import json
import os

from examples import django_app, flask_app
from g4fsync import Client

BASE_URLS = json.loads(os.environ["BASE_URLS"])

flask_application = flask_app.make_app(Client("koala", base_urls=BASE_URLS))
django_app.base_urls.update(BASE_URLS)
django_application = django_app.application
