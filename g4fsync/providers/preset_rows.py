"""All presets, as data: importing this imports no provider.  See :mod:`.preset_row`."""

from __future__ import annotations

from .preset_row import PresetRow
from .rows_gateways import GATEWAYS
from .rows_hosts import HOSTS
from .rows_local import LOCAL
from .rows_makers import MAKERS

PRESET_ROWS: tuple[PresetRow, ...] = (*MAKERS, *HOSTS, *GATEWAYS, *LOCAL)
