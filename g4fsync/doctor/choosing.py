"""Which model to take one token from, when nobody said."""

from __future__ import annotations

import re
from collections.abc import Sequence

# By names alone, so a guess: lists hold models that draw, listen or count, too.
_NO_CHAT = re.compile(
    r"embed|whisper|tts|dall-e|image|moderation|rerank|audio|realtime|transcri|speech|sora|video"
    r"|veo-|guard|ocr|bge-|clip|flux|diffusion|babbage|davinci|search|research|computer-use",
    re.IGNORECASE,
)
_SMALL = re.compile(r"nano|mini|lite|flash|haiku|small|instant|tiny|\b[0-9](\.[0-9])?b\b", re.I)


def cheapest(models: Sequence[str]) -> str | None:
    """One of *models* that chats and sounds small; ``None`` when there are none."""
    chatting = [each for each in models if not _NO_CHAT.search(each)] or list(models)
    small = [each for each in chatting if _SMALL.search(each)]
    return next(iter(small or chatting), None)
