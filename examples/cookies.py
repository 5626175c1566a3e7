"""Give a provider its cookies: from a mapping or from a file a browser extension wrote."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from g4fsync import AuthenticationError, Client
from g4fsync.emulator import Emulator


def main(base_urls: Mapping[str, str], cookies: Mapping[str, str], cookies_txt: Path) -> None:
    with Client("openassistant", base_urls=base_urls) as without:
        try:
            without.ask("Hello")
        except AuthenticationError as error:
            print(f"without: {type(error).__name__}")

    with Client("openassistant", base_urls=base_urls, cookies={"openassistant": cookies}) as client:
        print("from a mapping:", client.ask("Hello"))
        print("from a file:", client.ask("Hello", cookies=cookies_txt))


if __name__ == "__main__":
    # A local stand-in for the site; it takes one session cookie.
    with Emulator() as emulator, tempfile.TemporaryDirectory() as folder:
        accepted = emulator.cookies("openassistant")
        path = Path(folder, "cookies.txt")
        lines = [f"127.0.0.1\tFALSE\t/\tFALSE\t0\t{name}\t{accepted[name]}\n" for name in accepted]
        path.write_text("# Netscape HTTP Cookie File\n" + "".join(lines))
        main(emulator.base_urls, accepted, path)
