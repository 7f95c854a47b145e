"""Which proxies lie between, by what they write into headers."""

from collections.abc import Mapping
from enum import StrEnum


class Proxy(StrEnum):
    """Those whose settings are known here, in the order in which they are shown."""

    NGINX = "nginx"
    CADDY = "Caddy"
    TRAEFIK = "Traefik"
    CLOUDFLARE = "Cloudflare"


# A word in the answer's `Server` or `Via`. Traefik writes neither.
_WORDS = {"nginx": Proxy.NGINX, "openresty": Proxy.NGINX, "caddy": Proxy.CADDY, "cloudflare": Proxy.CLOUDFLARE}

_OTHERS = ("envoy", "haproxy", "apache", "varnish", "iis", "litespeed", "awselb", "google", "akamai")
_OWN = ("uvicorn", "hypercorn", "granian", "daphne")  # servers of Python, which are no proxies


def known_proxies(answered: Mapping[str, str], arrived: Mapping[str, str]) -> list[Proxy]:
    """The proxies that `answered`, headers of an answer, and `arrived`, headers that the server got, tell of."""
    said = f"{answered.get('server', '')} {answered.get('via', '')} {arrived.get('via', '')}".lower()
    found = {proxy for word, proxy in _WORDS.items() if word in said}
    if "cf-ray" in answered or "cf-ray" in arrived or "cloudflare" in arrived.get("cdn-loop", ""):
        found.add(Proxy.CLOUDFLARE)
    # Why these two: it adds both, and no other of the four does. doc.traefik.io, Forwarded headers.
    if "x-forwarded-server" in arrived and "x-forwarded-port" in arrived:
        found.add(Proxy.TRAEFIK)
    return [proxy for proxy in Proxy if proxy in found]


def other_proxy(answered: Mapping[str, str]) -> str:
    """The name of a proxy that is not one of ours, empty for none."""
    server = answered.get("server", "").lower()
    named = next((word for word in _OTHERS if word in server), "")
    return named or (server if server and not any(word in server for word in (*_WORDS, *_OWN)) else "")
