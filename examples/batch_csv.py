"""A table of prompts becomes a table of answers, interrupted twice on its way.

Each finished row is a line of the file at once, so the same call again goes on
where it was.  One call in twenty fails here: the batch asks again by itself.
"""

from __future__ import annotations

import csv
import json
import tempfile
from pathlib import Path

from g4fsync import Batch, Budget, Client, Retry
from g4fsync.emulator import Emulator, Status

ROWS = 1000


def main(client: Client, table: Path, answers: Path) -> None:
    def translations(budget: Budget | None = None) -> Batch:
        return client.batch(table, out=answers, prompt="Translate: {text}", key="id", budget=budget)

    with translations() as batch:
        for number, row in enumerate(batch, 1):
            if row.error:
                print(f"{row.key}: {row.error}")
            if number == 300:
                break  # as Ctrl-C or a kill would: what is finished is in the file
    print("stopped:", batch.summary.stopped)
    print("stopped:", translations(Budget(calls=300)).run().stopped)
    print("stopped:", translations().run().stopped)

    lines = [json.loads(line) for line in answers.read_text(encoding="utf-8").splitlines()]
    print(len({line["key"] for line in lines}), "keys in", len(lines), "lines")
    print(next(line["text"] for line in lines if line["key"] == "7"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, Emulator() as emulator:
        table = Path(folder, "in.csv")
        with table.open("w", newline="") as file:
            csv.writer(file).writerows([("id", "text"), *((i, f"text {i}") for i in range(ROWS))])
        emulator.openai.faults = [Status(503) if i % 20 == 7 else None for i in range(2 * ROWS)]
        keys, urls = {"openai": emulator.api_key}, emulator.base_urls
        with Client("openai:gpt-5-mini", api_keys=keys, base_urls=urls, retry=Retry(5, 0.01)) as c:
            main(c, table, Path(folder, "out.jsonl"))
