"""The same as in :mod:`.child`, by asyncio and aiohttp, for comparison."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from .child import Found, crowd_found
from .clients import module
from .floor import PATHS, QUESTION, TEXTS
from .server import base_url


async def texts(session: Any, url: str) -> AsyncIterator[str]:
    """What one answer says."""
    async with session.post(url, json=QUESTION) as response:
        async for line in response.content:
            if line.startswith(b"data: {"):
                text = TEXTS["openai"](json.loads(line[6:]))
                if text:
                    yield text


def requests(server: str, times: int) -> Found:
    """Answers of one token each, one after the other on one connection."""
    url = base_url(server, 1) + PATHS["openai"]

    async def everything() -> tuple[float, float]:
        async with module("aiohttp").ClientSession() as session:
            for _ in range(50):
                assert [text async for text in texts(session, url)]
            cpu, wall = time.process_time(), time.perf_counter()
            for _ in range(times):
                assert [text async for text in texts(session, url)]
            return time.process_time() - cpu, time.perf_counter() - wall

    cpu, wall = asyncio.run(everything())
    return {"cpu_us": cpu / times * 1e6, "wall_us": wall / times * 1e6}


def calls(server: str, times: int, workers: int) -> Found:
    """Answers of one token each, at most *workers* at a time."""
    aiohttp = module("aiohttp")
    url = base_url(server, 1) + PATHS["openai"]

    async def everything() -> tuple[float, float]:
        left = iter(range(times))
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

            async def work() -> None:
                for _ in left:
                    assert [text async for text in texts(session, url)]

            cpu, wall = time.process_time(), time.perf_counter()
            await asyncio.gather(*(work() for _ in range(workers)))
            return time.process_time() - cpu, time.perf_counter() - wall

    cpu, wall = asyncio.run(everything())
    return {"cpu_us": cpu / times * 1e6, "wall_us": wall / times * 1e6}


def crowd(server: str, streams: int, tokens: int, us: int) -> Found:
    """Many paced answers at a time, a task each."""
    aiohttp = module("aiohttp")
    late: list[list[int]] = [[] for _ in range(streams)]

    async def read(session: Any, url: str, mine: list[int]) -> None:
        async for text in texts(session, url):
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
