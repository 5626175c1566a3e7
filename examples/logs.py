"""What happened, in the log: retries and ends at INFO, requests at DEBUG; keys in none of it."""

from __future__ import annotations

import logging
import sys

from g4fsync import Client
from g4fsync.emulator import Emulator, Status


def main(client: Client) -> None:
    logging.basicConfig(stream=sys.stdout, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("g4fsync").setLevel(logging.DEBUG)
    print(client.ask("Why is the sky blue?"))


if __name__ == "__main__":
    with Emulator() as emulator, Client("koala", base_urls=emulator.base_urls) as client:
        emulator.koala.faults = [Status(503)]
        main(client)
