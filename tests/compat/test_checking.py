"""``g4fsync compat check``: what a code base uses, found in its syntax."""

from __future__ import annotations

from pathlib import Path

import pytest

from g4fsync import InvalidRequest
from g4fsync.cli import main
from g4fsync.compat.checking import check


def found(folder: Path, code: str) -> list[tuple[int, str, str]]:
    file = folder / "code.py"
    file.write_text(code, encoding="utf-8")
    return [(use.line, use.name, use.advice) for use in check(file)]


def test_what_is_covered(tmp_path: Path) -> None:
    code = """\
import openai
from openai import OpenAI, RateLimitError
from openai.types.chat import ChatCompletionMessageParam
client = OpenAI(api_key="k", timeout=3)
answer = client.chat.completions.create(model="m", messages=[], temperature=0)
print(answer.choices[0].message.content)
for model in client.with_options(max_retries=0).models.list(): print(model)
try:
    openai.chat.completions.create(model="m", messages=[])
except openai.APIStatusError as error: print(error.status_code)
"""
    assert found(tmp_path, code) == [
        (1, "openai", ""),
        (2, "openai.OpenAI", ""),
        (2, "openai.RateLimitError", ""),
        (3, "openai.types.chat.ChatCompletionMessageParam", ""),
        (5, "openai.OpenAI().chat.completions.create", ""),
        (7, "openai.OpenAI().with_options", ""),
        (9, "openai.chat.completions.create", ""),
        (10, "openai.APIStatusError", ""),
    ]


def test_what_responses_take(tmp_path: Path) -> None:
    code = """\
from openai import AzureOpenAI
import g4f
g4f.debug.logging = True
client = AzureOpenAI()
client.beta.chat.completions.parse(model="m", messages=[])
client.responses.parse(model="m", input="x", text_format=int, top_k=1)
client.responses.retrieve("resp_1"), client.api_version
"""
    assert [each for each in found(tmp_path, code) if each[2]] == [
        (
            6,
            "openai.AzureOpenAI().responses.parse(top_k=)",
            "top_k= is no argument; it goes into extra_body",
        ),
        (
            7,
            "openai.AzureOpenAI().responses.retrieve",
            "not covered; a client has chat.completions, responses, models",
        ),
    ]


def test_what_is_not(tmp_path: Path) -> None:
    code = """\
import openai as oa, litellm
from openai import AsyncOpenAI
class Bot:
    def __init__(self, other: oa.OpenAI):
        self.client = oa.OpenAI(http_client=None)
        self.vectors = other.embeddings.create(model="m", input="x")
    def ask(self):
        self.client.audio.speech.create()
        return self.client.chat.completions.create(model="m", messages=[], top_k=4)
oa.ChatCompletion.create(model="m")
"""
    clients = "not covered; a client has chat.completions, responses, models"
    assert [each for each in found(tmp_path, code) if each[2]] == [
        (1, "litellm", "litellm is not covered"),
        (2, "openai.AsyncOpenAI", "there is no AsyncOpenAI: use OpenAI, in threads"),
        (5, "openai.OpenAI(http_client=)", "http_client= is not covered"),
        (6, "openai.OpenAI().embeddings.create", clients),
        (8, "openai.OpenAI().audio.speech.create", clients),
        (
            9,
            "openai.OpenAI().chat.completions.create(top_k=)",
            "top_k= is no argument; it goes into extra_body",
        ),
        (
            10,
            "openai.ChatCompletion.create",
            "gone since openai 1.0: use OpenAI().chat.completions.create",
        ),
    ]


def test_g4f(tmp_path: Path) -> None:
    code = """\
import g4f
from g4f.client import Client
from g4f.Provider import Koala
from g4f.errors import RateLimitError
client = Client()
client.chat.completions.create("Hi", model=g4f.models.gpt_4o)
client.images.generate(prompt="a cat")
g4f.ChatCompletion.create(model="m", messages=[])
g4f.gui.run_gui()
"""
    assert [each for each in found(tmp_path, code) if each[2]] == [
        (7, "g4f.client.Client().images.generate", "not covered; a client has chat.completions"),
        (9, "g4f.gui.run_gui", "not covered"),
    ]


def test_names_of_others_are_none_of_ours(tmp_path: Path) -> None:
    assert found(tmp_path, "import openaifoo\nfrom .openai import OpenAI\nOpenAI().x\n") == []


def test_a_folder_is_read_and_broken_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.py").write_text("import openai\n", encoding="utf-8")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "two.py").write_text("import openai\n", encoding="utf-8")
    (tmp_path / "z.py").write_text("def (:\n", encoding="utf-8")
    uses = check(tmp_path)
    assert [(Path(use.path).name, use.name) for use in uses] == [
        ("one.py", "openai"),
        ("z.py", "this file"),
    ]
    assert uses[1].advice.startswith("unreadable: ")
    with pytest.raises(InvalidRequest, match=r"is neither a file nor a folder$"):
        check(tmp_path / "nothing")


def test_at_the_prompt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "code.py"
    file.write_text("from openai import OpenAI\nOpenAI().files\n", encoding="utf-8")
    assert main(["compat", "check", str(file)]) == 5
    out, err = capsys.readouterr()
    assert out == (
        f"{file}:1: openai.OpenAI: covered\n"
        f"{file}:2: openai.OpenAI().files: not covered; "
        "a client has chat.completions, responses, models\n"
    )
    assert err == "g4fsync: 1 of 2 uses are covered\n"
    file.write_text("from openai import OpenAI\n", encoding="utf-8")
    assert main(["compat", "check", str(file)]) == 0
    assert capsys.readouterr().err == "g4fsync: everything used there is covered\n"
    file.write_text("print()\n", encoding="utf-8")
    assert main(["compat", "check", str(file)]) == 0
    assert capsys.readouterr().err == "g4fsync: neither openai nor g4f is used there\n"
    assert main(["compat", "check", str(tmp_path / "nothing")]) == 2
