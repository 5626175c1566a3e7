"""``g4f.models``: ``models.gpt_4o`` is the model ``"gpt-4o"``, whichever name is asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Model:
    """A model by its name; which provider has it is for the caller to say."""

    name: str

    def get_long_name(self) -> str:
        """The name."""
        return self.name

    def __str__(self) -> str:
        return self.name


default = default_vision = Model("")


def __getattr__(name: str) -> Model:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # gpt_4_1_mini is gpt-4.1-mini, and llama_3_8b is llama-3-8b.
    return Model(re.sub(r"(\d)_(\d{1,2})(?=_|$)", r"\1.\2", name).replace("_", "-"))
