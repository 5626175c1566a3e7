"""What a model costs: what the caller says, else what the package genai-prices has.

That package (of the extra ``prices``) finds a provider by the address that is asked, so a
model behind a proxy has no price there, and knows dearer prices of long prompts.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import ConfigurationError, InvalidRequest
from ..settings import is_number

Prices = Mapping[str, "tuple[float, float]"]
Price = tuple[float, float]  # dollars for a token sent, and received

_MILLION = 1_000_000
_SHORT, _LONG = 1000, _MILLION  # tokens of a prompt


class PriceList:
    """Prices of models; without any it is false."""

    def __init__(self, prices: Prices | None) -> None:
        self._prices = checked_prices(prices)

    def __bool__(self) -> bool:
        return bool(self._prices)

    def given(self, identity: str) -> Price | None:
        """What the caller says of ``PROVIDER:MODEL``, of the model, or of the provider."""
        provider, _, model = identity.partition(":")
        for name in (identity, model, provider):
            if (found := self._prices.get(name)) is not None:
                return found[0] / _MILLION, found[1] / _MILLION
        return None

    def find(self, identity: str, url: str, *, highest: bool) -> Price:
        """What is given, else listed for the server at *url*; *highest*: that of a long prompt.

        Raises ``ConfigurationError`` when there is none.
        """
        price = self.given(identity) or _listed(identity.partition(":")[2], url, highest=highest)
        if price is None:
            raise ConfigurationError(
                f"no price for {identity}: a budget in usd needs one in "
                "prices={model: (input, output per million tokens)}"
                + ("" if _is_installed() else ", or those of pip install 'g4fsync[prices]'")
            )
        return price


def checked_prices(prices: Prices | None) -> dict[str, tuple[float, float]]:
    """*prices* by model, in dollars for a million tokens sent, and received."""
    if prices is None:
        return {}
    if not isinstance(prices, Mapping):
        raise InvalidRequest(f"prices must be a mapping by model, got {type(prices).__name__}")
    for model, price in prices.items():
        pair = isinstance(price, tuple | list) and len(price) == 2
        if not pair or not all(is_number(each) and each >= 0 for each in price):
            raise InvalidRequest(
                f"prices[{model!r}] must be two numbers, dollars for a million tokens sent "
                f"and received, got {price!r:.80}"
            )
    return {model: (float(each[0]), float(each[1])) for model, each in prices.items()}


def _listed(model: str, url: str, *, highest: bool) -> Price | None:
    if not _is_installed():
        return None
    from genai_prices import Usage, calc_price

    sent = _LONG if highest else _SHORT
    try:
        usage = Usage(input_tokens=sent, output_tokens=_SHORT)
        found = calc_price(usage, model, provider_api_url=url)
    except LookupError:
        return None
    return float(found.input_price) / sent, float(found.output_price) / _SHORT


def _is_installed() -> bool:
    from importlib.util import find_spec

    return find_spec("genai_prices") is not None
