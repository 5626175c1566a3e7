"""``python -m tests.recordings [FOLDER]``: each recording that is read otherwise, and the sums.

The exit code is 0 when all were read exactly, 1 when one was not, 2 without a folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.recordings import contract
from tests.recordings.comparison import differences
from tests.recordings.recording import VARIABLE, Recording, folder, load, odd_pieces
from tests.recordings.replay import replay
from tests.recordings.summary import lines


def main(arguments: list[str]) -> int:
    root = Path(arguments[0]) if arguments else folder()
    if root is None:
        print(f"name a folder, or set {VARIABLE}", file=sys.stderr)
        return 2
    exact: dict[tuple[str, str], bool] = {}
    recordings = load(root)
    for recording in recordings:
        if recording.provider_class() is None:
            print(f"{recording.file}: skipped, no provider speaks {recording.kind}")
            continue
        found = _differences(recording)
        exact[recording.service, recording.file] = not found
        if found:
            print(f"{recording.file} ({recording.provider}, {recording.form})")
            print("".join(f"    {line}\n" for line in found), end="")
    for rule, files in contract.rows(recordings).items():
        print(f"by the contract, {len(files)} rows: {rule}")
        print("".join(f"    {file}\n" for file in files), end="")
    print("\n".join(lines(exact)))
    return 0 if all(exact.values()) else 1


def _differences(recording: Recording) -> list[str]:
    complete = differences(recording, replay(recording))
    cut = differences(recording, replay(recording, odd_pieces(recording, seed=1)))
    return complete + [f"in odd pieces: {line}" for line in cut if line not in complete]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
