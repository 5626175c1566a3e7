"""Run by a test as a program: ask through a Dask cluster, and kill one of its workers."""

from __future__ import annotations

import json
import os
import signal
import sys
from importlib import import_module
from typing import Any

from g4fsync import Client


def main(url: str) -> None:
    # By name, so that type checkers say the same with it and without it.
    distributed: Any = import_module("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=2, dashboard_address=None, host="127.0.0.1"
        ) as local,
        distributed.Client(local) as cluster,
        Client("koala", base_urls={"koala": url}) as client,
    ):
        workers = cluster.run(os.getpid)
        prompts = (f"prompt {n}" for n in range(40))
        found = {}
        executor = cluster.get_executor()
        for index, result in client.map(prompts, executor=executor, ordered=False):
            assert index not in found
            found[index] = result
            if len(found) == 5:
                os.kill(next(iter(workers.values())), signal.SIGKILL)
        told = {
            "workers": len(workers),
            "indices": sorted(found),
            "kinds": sorted({type(result).__name__ for result in found.values()}),
            "texts": [str(found[index]) for index in sorted(found)],
        }
        print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1])
