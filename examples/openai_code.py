"""Code written for openai, one import changed: any provider, and an answer cut short raises."""

from __future__ import annotations

from g4fsync import Client
from g4fsync.compat.openai import APIConnectionError, NotFoundError, OpenAI
from g4fsync.emulator import Cut, Emulator


def main(client: OpenAI) -> None:
    hello = [{"role": "user", "content": "Hello"}]
    answer = client.chat.completions.create(model="gpt-5-mini", messages=hello)
    print(answer.choices[0].message.content, answer.usage.total_tokens if answer.usage else "")
    try:
        client.chat.completions.create(model="gpt-none", messages=hello)
    except NotFoundError as error:
        print(error.status_code, error.code)

    # Any provider of g4fsync answers in the same shape.
    for chunk in client.chat.completions.create(model="koala", messages=hello, stream=True):
        print(chunk.choices[0].delta.content or "", end="|")
    print()


def cut(client: OpenAI) -> None:
    hello = [{"role": "user", "content": "Hello"}]
    try:
        for chunk in client.chat.completions.create(model="gpt-5", messages=hello, stream=True):
            print(chunk.choices[0].delta.content or "", end="|")
    except APIConnectionError as error:
        print(f" -- {type(error.__cause__).__name__}; came: {error.partial!r}")


if __name__ == "__main__":
    # A local stand-in for the providers, so that this runs without key and network.
    # For the real ones: main(OpenAI()).
    with Emulator() as emulator, Client(base_urls=emulator.base_urls) as other:
        url, key = emulator.base_urls["openai"], emulator.api_key
        with OpenAI(base_url=url, api_key=key, client=other) as client:
            main(client)
            emulator.openai.faults = [Cut(after_bytes=600)]
            cut(client)
