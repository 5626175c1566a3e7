"""The same crowd as in :mod:`.child`, by asyncio and aiohttp, for comparison."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from .child import Found, crowd_found
from .clients import module
from .floor import PATHS, QUESTION, TEXTS
from .server import base_url


def crowd(server: str, streams: int, tokens: int, us: int) -> Found:
    """Many paced answers at a time, a task each."""
    aiohttp = module("aiohttp")
    late: list[list[int]] = [[] for _ in range(streams)]

    async def read(session: Any, url: str, mine: list[int]) -> None:
        async with session.post(url, json=QUESTION) as response:
            async for line in response.content:
                if line.startswith(b"data: {"):
                    text = TEXTS["openai"](json.loads(line[6:]))
                    if text:
                        mine.append(time.monotonic_ns() - int(text))

    async def everything() -> tuple[float, float]:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:
            await read(session, base_url(server, 100, 1000) + PATHS["openai"], [])
            url = base_url(server, tokens, us) + PATHS["openai"]
            cpu, wall = time.process_time(), time.perf_counter()
            await asyncio.gather(*(read(session, url, mine) for mine in late))
            return time.process_time() - cpu, time.perf_counter() - wall

    cpu, wall = asyncio.run(everything())
    return crowd_found(late, cpu, wall, tokens, us)
