"""A talk of several turns that is kept in a file, interrupted, and gone on with the day after."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from g4fsync import Client, Conversation
from g4fsync.emulator import Cut, Emulator
from g4fsync.errors import StreamInterrupted


def main(client: Client) -> str:
    talk = client.conversation(system="Be brief.")
    print(talk.ask("Why is the sky blue?"))
    try:
        for chunk in talk.chat("And why is it red at dusk, or sometimes green?"):
            print(chunk, end="", flush=True)
    except StreamInterrupted:
        print(f"\n-- interrupted; {len(talk.messages)} messages are complete")
    return talk.id


def the_day_after(client: Client, id: str) -> Conversation:
    talk = client.conversation(id=id)
    if talk.pending is not None:
        print(f"-- was not answered: {talk.pending.question}")
        print(talk.retry())
    return talk


if __name__ == "__main__":
    with Emulator() as emulator, TemporaryDirectory() as folder:
        path = Path(folder) / "chats.db"
        keys = {"openai": emulator.api_key}
        urls = emulator.base_urls
        emulator.openai.faults = [None, Cut(after_bytes=1500)]
        with Client("openai:gpt-4o-mini", archive=path, base_urls=urls, api_keys=keys) as client:
            id = main(client)
        with Client("openai:gpt-4o-mini", archive=path, base_urls=urls, api_keys=keys) as client:
            talk = the_day_after(client, id)
            print(f"-- {len(talk.messages)} messages")
            for call in client.archive.calls() if client.archive is not None else ():
                print(f"-- {call.state}: {call.question}")
            if client.archive is not None:
                client.archive.close()
