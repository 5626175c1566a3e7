"""Each example runs by itself, against the emulator, and prints what it should."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

WORDS = "said: Why is the sky blue"
EXAMPLES = Path(__file__).parent.parent / "examples"

FRAMES = "".join(
    f'data: {{"text":"{piece}"}}\n\n' for piece in ("You", *map(" {}".format, WORDS.split()))
)
PRINTED = {
    "ask.py": """\
You said: Why is the sky blue? Answer in one sentence.
-- koala, gpt-4o-mini, 1 attempt
You said: And at dusk?
(message 3 of our conversation)
""",
    "batch_csv.py": """\
stopped: cancelled
stopped: budget
stopped: None
1000 keys in 1000 lines
You said: Translate: text 7
""",
    "compare.py": """\
koala: You said: Why is the sky blue?
koala:gpt-4o: You said: Why is the sky blue?
flowgpt: StreamInterrupted after 'You'
flowgpt has ended
""",
    "conversation.py": """\
You said: Why is the sky blue?
(message 2 of our conversation)
You said: And why is it
-- interrupted; 3 messages are complete
-- was not answered: And why is it red at dusk, or sometimes green?
You said: And why is it red at dusk, or sometimes green?
(message 4 of our conversation)
-- 5 messages
-- complete: And why is it red at dusk, or sometimes green?
-- failed: And why is it red at dusk, or sometimes green?
-- complete: Why is the sky blue?
""",
    "cookies.py": """\
without: AuthenticationError
from a mapping: You said: Hello
from a file: You said: Hello
""",
    "django_app.py": FRAMES,
    "events.py": """\
[attempt 1 failed: ServerError]
You said: Why is the sky blue?
koala gpt-4o-mini: 30 characters
""",
    "extract.py": """\
Person(name='Ann', age=34, town='Lyon')
Person(name='Tim', age=4, town=None)
-- asked natively; did not fit at first: ['Unparsable']
""",
    "fallback.py": """\
You said: Why is the sky blue?
(message 2 of our conversation)
-- koala: ProviderError
-- flowgpt: ok
2 models failed: ['koala', 'flowgpt']
""",
    "flask_app.py": FRAMES,
    "logs.py": """\
DEBUG g4fsync.transport: koala: HTTP 503
INFO g4fsync.call: koala:gpt-4o-mini: attempt 1 of 3: HTTP 503: \
the emulator was asked to say no; again in 0.5 s
DEBUG g4fsync.transport: koala: HTTP 200
You said: Why is the sky blue?
""",
    "map_prompts.py": """\
You said: What is 1 times 1?
You said: What is 2 times 2?
You said: What is 3 times 3?
0 You said: one
1 InvalidRequest
2 You said: three
You said: from, You said: elsewhere
""",
    "openai_code.py": """\
You said: Hello 5
404 model_not_found
|You| said:| Hello||
|You| said:| -- StreamInterrupted; came: 'You said:'
""",
    "own_provider.py": """\
'Polly wants'
' a cracker'
[('POST', '/ask', {'q': 'Hello', 'bird': 'psittacus-erithacus', 'temperature': 0.5})]
parrot: the answer ended without its end mark; came: 'Polly wants a cracker'
""",
    "race.py": """\
I am first
-- flowgpt won; asked too: ['koala']
You said: Hi -- koala
I am first
2 errors: koala: HTTP 404: the emulator was asked to say no
""",
    "reasoning.py": """\
thought: The user asks; I answer.The user asks; I answer.
The tool said: 18 degrees
['reasoning']
['user', 'reasoning', 'function_call', 'function_call_output']
""",
    "rows.py": """\
Mercury: 0
Venus: 0
Earth: 1
Mars: 2
-- read 130 of 199 characters
""",
    "stream.py": "You said: Why is the sky blue?\n",
    "threads.py": "".join(f"You said: What is {n} times {n}?\n" for n in range(1, 9)),
    "timeouts.py": """\
A server that never answers: koala: no token within 0.5 s; clock: first_token; came: ''
A server that falls silent: koala: nothing new from the provider for 0.5 s; clock: idle; \
came: 'You said:'
You said: A server in good health
""",
    "tools.py": """\
[weather {"city": "Rome"}]
[ok: {"city": "Rome", "celsius": 31.0}]
[divide {"a": 1.5, "b": 1.5}]
[ok: 1.0]
The tool said: 1.0
(message 5 of our conversation)
-- ['user', 'assistant', 'tool', 'assistant', 'tool', 'assistant']
""",
    "worker.py": """\
first: again in 2 s
second: ProviderError
first: 'You said: first Summarise in one sentence.'
""",
}
NEEDS = {"django_app.py": "django", "flask_app.py": "flask"}


def run(name: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / name],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


LONG = ("batch_csv.py", "map_prompts.py", "race.py", "timeouts.py")  # they wait, to show it


@pytest.mark.parametrize(
    "name",
    [pytest.param(each, marks=[pytest.mark.slow] if each in LONG else []) for each in PRINTED],
)
def test_example_prints(name: str) -> None:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    printed = run(name)
    if name == "logs.py":  # without ports and measured times
        printed = re.sub(r"^.*(: POST|: end after).*\n", "", printed, flags=re.MULTILINE)
        printed = re.sub(r"again in \d\.\d s", "again in 0.5 s", printed)
    if name in NEEDS:
        printed = printed.removesuffix("\n")
    assert printed == PRINTED[name]


def test_cancel_stops_in_the_middle() -> None:
    first, second, third = run("cancel.py").splitlines()
    whole = "You said: Count for as long as you can: one two three four five six seven"
    assert first
    assert whole.startswith(first)
    assert first != whole
    assert second == f"-- cancelled; so far: {first!r}"
    assert third == "You said: Say: stop"


def test_each_example_is_tested() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == {*PRINTED, "cancel.py"}


def test_the_list_of_examples_is_complete() -> None:
    listed = re.findall(r"\]\((\w+\.py)\)", (EXAMPLES / "README.md").read_text(encoding="utf-8"))
    assert sorted(listed) == sorted({*PRINTED, "cancel.py"})
