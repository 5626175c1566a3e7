"""What to do about a step that failed."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import (
    AuthenticationError,
    CaptchaRequired,
    ConnectionFailed,
    DeadlineExceeded,
    G4FSyncError,
    InvalidRequest,
    ProtocolError,
    ProviderError,
    RateLimited,
    ServerError,
    StreamTruncated,
)
from ..providers.base import Provider

_RETIRED = "choose another provider: this one's site is retired (g4fsync providers)"
_ELSEWHERE = "check the base URL: something else answers there; most end in /v1"


@dataclass(slots=True)
class Probe:
    """What is known of a provider so far."""

    provider: Provider | type[Provider]
    proxy_source: str = ""
    key_searched: bool = False  # the places were readable
    key_source: str = ""
    key_sent: bool = False
    lists_none: bool = False  # the server answered that it has no list of models

    @property
    def is_retired(self) -> bool:
        """Whether the site has closed; another base URL is none of its."""
        return self.provider.status == "retired" and not self.provider.has_base_url_given

    @property
    def key_advice(self) -> str:
        """What the library's own messages say to do about a key."""
        return self.provider.key_advice if isinstance(self.provider, Provider) else ""

    @property
    def key_withheld(self) -> str:
        """What the library's own messages say of a key that was not sent."""
        return self.provider.key_withheld if isinstance(self.provider, Provider) else ""

    @property
    def is_local(self) -> bool:
        return self.provider.status == "local"


def advice(step: str, error: G4FSyncError, probe: Probe) -> str:
    """What to do about *error* in *step*; ``""`` when the error says it all."""
    if step in ("URL", "proxy", "DNS", "TCP", "TLS"):
        return _about_route(step, error, probe)
    if step == "cookies":
        return ""
    if step == "key":
        return _about_key(probe)
    return _about_answer(step, error, probe)


def _about_route(step: str, error: G4FSyncError, probe: Probe) -> str:
    message = str(error)
    if step == "URL":
        variables = "".join(f", or set {each}" for each in probe.provider.base_url_variables[:1])
        return f"say where it is: --base-url URL{variables}"
    if step == "TLS" and "not trusted" in message:
        return (
            "check this machine's clock; if its authority is your own, or a proxy or virus "
            'scanner opens TLS here, give the certificate: Client(verify="ca.pem")'
        )
    if probe.proxy_source:
        return f"check the proxy that {probe.proxy_source} names; NO_PROXY lists hosts to spare it"
    if probe.is_retired:
        return _RETIRED
    if step == "DNS":
        return "check the host's spelling, and this machine's network and DNS settings"
    if step == "TLS":
        return "check the base URL: does the server speak TLS at this port, or plain http://?"
    if probe.is_local:
        return "start the server, or say where it is: --base-url URL (g4fsync doctor looks for it)"
    return "check the base URL; behind a firewall set HTTPS_PROXY"


def _about_key(probe: Probe) -> str:
    if not probe.key_searched:
        return "correct it there (g4fsync keys path tells the file)"
    return f"{_give_key(probe)}; keys are made at {probe.provider.url}"


def _give_key(probe: Probe) -> str:
    variables = probe.provider.key_variables
    or_set = f", or set {variables[0]}" if variables else ""
    return f"run g4fsync keys set {probe.provider.name}{or_set}"


def _about_answer(step: str, error: G4FSyncError, probe: Probe) -> str:
    name = probe.provider.name
    if probe.is_retired:
        return _RETIRED
    if isinstance(error, AuthenticationError):
        return _about_refused_key(probe)
    if isinstance(error, ProviderError) and error.status == 404 and step == "token":
        if probe.lists_none:
            return (
                f"check the base URL (most end in /v1) and the model: g4fsync doctor {name}:MODEL"
            )
        return f"choose another model: g4fsync models {name}, then g4fsync doctor {name}:MODEL"
    for kinds, words in _ANSWERS:
        if isinstance(error, kinds):
            words = words.format(name=name, url=probe.provider.url)
            return f"{words}; {_send_key(probe)}" if _may_want_key(error, probe) else words
    return ""


def _may_want_key(error: G4FSyncError, probe: Probe) -> bool:
    """Whether a server may have failed at the lack of a key: some say so with 400 or 500."""
    status = error.status if isinstance(error, ProviderError) else None
    is_odd = status is not None and (status == 400 or status >= 500)
    return is_odd and not probe.key_sent and bool(probe.provider.key_variables)


def _send_key(probe: Probe) -> str:
    sentence = "no key was sent; if the server wants one,"
    variables = probe.provider.base_url_variables
    if probe.provider.has_base_url_given and not variables:
        return f"{sentence} give it to the call: Client(api_keys=...)"
    if probe.provider.has_base_url_given:
        # Where a base-URL variable points, the user's key may go.
        way = f"set {variables[0]} in place of --base-url"
        return f"{sentence} {way}" + ("" if probe.key_source else f", and {_give_key(probe)}")
    return f"{sentence} {_give_key(probe)}"


def _about_refused_key(probe: Probe) -> str:
    if probe.key_sent:
        return f"replace the key from {probe.key_source}; keys are made at {probe.provider.url}"
    if not probe.key_source:
        return _give_key(probe)
    variables = probe.provider.base_url_variables
    if not variables:
        return "give the key to the call: Client(api_keys=...)"
    # Where a base-URL variable points, the user's key may go.
    return f"to send the key there, set {variables[0]} in place of --base-url"


_ANSWERS: tuple[tuple[type[G4FSyncError] | tuple[type[G4FSyncError], ...], str], ...] = (
    (CaptchaRequired, "open {url} in a browser; this program never works around such checks"),
    (RateLimited, "wait a little; if it stays so, look at quota and billing at {url}"),
    (ServerError, "try again later; if the server is yours, look at its log"),
    (DeadlineExceeded, "allow more time: --timeout 60 (a local server may be loading its model)"),
    (InvalidRequest, "name a model the server has: g4fsync doctor {name}:MODEL"),
    (ProtocolError, _ELSEWHERE),
    ((ConnectionFailed, StreamTruncated), "try again; if the server is yours, look at its log"),
    (ProviderError, "check the base URL and the model: g4fsync doctor {name}:MODEL"),
)
