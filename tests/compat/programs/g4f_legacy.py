"""The older way: g4f.ChatCompletion gives text."""

import os

import g4f
from g4f.errors import G4FError

ACCESS = {"base_url": os.environ["CHAT_URL"], "api_key": os.environ["CHAT_KEY"]}


def answer(text, stream=False, **options):
    return g4f.ChatCompletion.create(
        model="gpt-4o",
        messages=[{"role": "user", "content": text}],
        provider=g4f.Provider.Custom,
        stream=stream,
        **ACCESS,
        **options,
    )


print(answer("Hello"))
for message in answer("Hello again", stream=True):
    if isinstance(message, str):
        print(message, end="", flush=True)
print()
print(len(answer("x", temperature=0.5, max_tokens=20)))
try:
    ACCESS["api_key"] = "sk-wrong-0123456789"
    answer("Hello")
except Exception as error:
    print("refused", isinstance(error, G4FError))
