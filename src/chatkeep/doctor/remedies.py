"""The setting that mends each finding, for each proxy: the one place where they stand.

Sources: nginx.org/en/docs/http (ngx_http_proxy_module, ngx_http_gzip_module, ngx_http_core_module),
caddyserver.com/docs (reverse_proxy, encode, request_body, options), doc.traefik.io (entry points, middlewares,
services), and developers.cloudflare.com (error 524, Compression Rules, connection limits).
"""

from collections.abc import Sequence

import msgspec

from chatkeep.doctor.proxies import Proxy

OWN = "chatkeep"


class Remedy(msgspec.Struct, frozen=True):
    """What to write where. `of` is a proxy or chatkeep itself; lines with `#` in front are words, not settings."""

    of: str
    setting: str


_N, _C, _T, _F = Proxy.NGINX, Proxy.CADDY, Proxy.TRAEFIK, Proxy.CLOUDFLARE

_SETTINGS: dict[str, dict[str, str]] = {
    "reach": {
        _N: "proxy_pass http://127.0.0.1:8000;      # where chatkeep listens; from a container the host's address",
        _C: "reverse_proxy 127.0.0.1:8000           # where chatkeep listens; from a container the host's address",
        _T: "services:\n  chatkeep:\n    loadBalancer:\n      servers:\n        - url: http://127.0.0.1:8000",
        _F: "# DNS: the record must hold the address of the machine that chatkeep, or its proxy, runs on.",
    },
    "tls": {
        _N: "ssl_certificate     /etc/letsencrypt/live/{host}/fullchain.pem;   # with the chain, not cert.pem\n"
        "ssl_certificate_key /etc/letsencrypt/live/{host}/privkey.pem;",
        _C: "{host} {                # a public name gets its certificate by itself\n"
        "    reverse_proxy 127.0.0.1:8000\n}",
        _T: "# On the router; `le` is a resolver of the static configuration.\ntls:\n  certResolver: le",
        _F: "# SSL/TLS > Edge Certificates: Universal SSL on; SSL/TLS > Overview: Full (strict).",
    },
    "redirect": {
        OWN: "# Give clients the address {target}",
    },
    "admission": {
        OWN: "CHATKEEP_ALLOWED_HOSTS={host}    # when it is this name that is refused; when it is another one, let\n"
        "                                 # the proxy pass on the name that it was asked for\n"
        "# When it is the address that is refused, make a key: chatkeep keys add NAME",
    },
    "http_version": {
        _N: "listen 443 ssl;\nhttp2 on;               # before 1.25.1: listen 443 ssl http2;",
        _C: "{\n    servers {\n        protocols h1 h2 h3      # the default\n    }\n}",
        _T: "# HTTP/2 is on over TLS unless an option of `tls` takes it out of alpnProtocols.",
        _F: "# Speed > Settings > Protocol Optimization: HTTP/2 and HTTP/3 on.",
    },
    "upstream": {
        _N: "proxy_http_version 1.1;",
        _C: "reverse_proxy 127.0.0.1:8000 {\n    transport http {\n        versions 1.1\n    }\n}",
        _T: "# Traefik speaks HTTP/1.1 to http:// addresses: another proxy stands behind it.",
        _F: "# Cloudflare speaks HTTP/1.1 or newer: another proxy stands behind it.",
    },
    "buffering": {
        _N: "proxy_buffering off;    # and no `proxy_ignore_headers X-Accel-Buffering`",
        _C: "reverse_proxy 127.0.0.1:8000 {\n    flush_interval -1       # and no response_buffers\n}",
        _T: "# Take the middleware `buffering` off this router. On the service:\n"
        "loadBalancer:\n  responseForwarding:\n    flushInterval: -1ms",
        _F: "# Rules > Cache Rules: bypass the cache for this host. Enterprise: response_buffering off for the zone.",
    },
    "compression": {
        _N: "gzip off;               # or take text/event-stream out of gzip_types",
        _C: "encode {\n    gzip\n    match {                 # without it text/* is compressed, streams too\n"
        "        header Content-Type text/html*\n        header Content-Type application/json*\n    }\n}",
        _T: "middlewares:\n  compress:\n    compress:\n      excludedContentTypes:\n        - text/event-stream",
        _F: "# Rules > Compression Rules: for this host, Disable compression.",
    },
    "idle": {
        _N: "proxy_read_timeout 1h;",
        _C: "reverse_proxy 127.0.0.1:8000 {\n    transport http {\n        read_timeout 1h     # the default is none\n"
        "    }\n}",
        _T: "serversTransports:\n  default:\n    forwardingTimeouts:\n      responseHeaderTimeout: 0s",
        _F: "# Fixed at 100 to 120 s; on Enterprise: proxy_read_timeout. Stream long replies.",
    },
    "duration": {
        _N: "# nginx ends no answer that still moves: look for a load balancer or a firewall besides it.",
        _C: "{\n    servers {\n        timeouts {\n            write 0     # the default: none\n        }\n    }\n}",
        _T: "entryPoints:\n  websecure:\n    transport:\n      respondingTimeouts:\n        writeTimeout: 0s",
        _F: "# Cloudflare ends no answer that still moves: look for a load balancer, or a function, behind it.",
    },
    "websocket": {
        _N: "# In the http block:\nmap $http_upgrade $connection_upgrade {\n    default upgrade;\n    '' close;\n}\n"
        "# In the location:\nproxy_http_version 1.1;\nproxy_set_header Upgrade $http_upgrade;\n"
        "proxy_set_header Connection $connection_upgrade;",
        _C: "# reverse_proxy passes WebSockets on by itself: take away `header_up -Upgrade`, `header_up -Connection`\n"
        "# and matchers that leave {path} out.",
        _T: "# Traefik passes WebSockets on by itself: take away middlewares that change Connection or Upgrade.",
        _F: "# Network > WebSockets: on.",
    },
    "body": {
        _N: "client_max_body_size {mebibytes}m;",
        _C: "request_body {\n    max_size {mebibytes}MiB\n}",
        _T: "middlewares:\n  limit:\n    buffering:\n      maxRequestBodyBytes: {bytes}",
        _F: "# Fixed by the plan, at 100 MB or more: the limit is another proxy's.",
    },
    "origin": {
        _N: "proxy_set_header Host $http_host;       # the name and the port that the browser knows",
        _C: "# Caddy passes Host on by itself: take away `header_up Host …`.",
        _T: "loadBalancer:\n  passHostHeader: true",
        _F: "# Rules > Origin Rules: no Host Header override for this host.",
        OWN: "CHATKEEP_CORS_ORIGINS={origin}    # only when the proxy cannot be changed",
    },
    "address": {
        _N: "proxy_set_header X-Forwarded-For $remote_addr;\n"
        "# behind Cloudflare also: real_ip_header CF-Connecting-IP; and set_real_ip_from for each of its networks",
        _C: "# Caddy sends X-Forwarded-For by itself. Behind another proxy:\n"
        "{\n    servers {\n        trusted_proxies static 10.0.0.0/8   # that proxy's addresses\n    }\n}",
        _T: "# Traefik sends X-Forwarded-For by itself. Behind another proxy:\n"
        "entryPoints:\n  websecure:\n    forwardedHeaders:\n      trustedIPs:\n        - 10.0.0.0/8",
        _F: "# Cloudflare sends X-Forwarded-For by itself: the proxy behind it has to pass it on.",
        OWN: "CHATKEEP_TRUSTED_PROXIES={address}",
    },
    "scheme": {
        _N: "proxy_set_header X-Forwarded-Proto $scheme;",
        _C: "# Caddy sends X-Forwarded-Proto by itself: take away `header_up X-Forwarded-Proto …`.",
        _T: "# Traefik sends X-Forwarded-Proto by itself: take away middlewares that change it.",
        _F: "# SSL/TLS > Overview: Full (strict), not Flexible.",
        OWN: "CHATKEEP_TRUSTED_PROXIES={address}    # else the header is not believed",
    },
}


def remedies_for(check: str, proxies: Sequence[Proxy], **values: object) -> list[Remedy]:
    """What mends a finding of `check`, with `values` filled in: chatkeep's own setting, then those of `proxies`.

    When none is known, or only a network in front of a proxy that cannot be seen, the others come after them.
    """
    found = _SETTINGS[check]
    is_hidden = not set(proxies) - {Proxy.CLOUDFLARE}
    names = [OWN, *proxies, *(proxy for proxy in Proxy if is_hidden and proxy not in proxies)]
    return [Remedy(str(name), _filled(found[name], values)) for name in names if name in found]


def _filled(setting: str, values: dict[str, object]) -> str:
    for name, value in values.items():
        setting = setting.replace(f"{{{name}}}", str(value))
    return setting
