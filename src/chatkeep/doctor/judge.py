"""From what was seen to what it means. Pure; streams have a page of their own: judge_streams.py."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from chatkeep.doctor.judge_streams import judge_streams
from chatkeep.doctor.proxies import known_proxies, other_proxy
from chatkeep.doctor.report import Notes, Report
from chatkeep.doctor.seen import Arrived, Observations, PostSeen, TlsSeen

_MEBIBYTE = 2**20
_SOON_DAYS = 14  # a certificate that ends earlier should have been renewed: Let's Encrypt's are renewed at 30

# OpenSSL, include/openssl/x509_vfy.h: X509_V_ERR_….
_TLS_FAILURES = {
    9: "The certificate is not valid yet: one of the clocks is wrong.",
    10: "The certificate has expired.",
    18: "The certificate is self-signed, so no browser and no program trusts it.",
    19: "The certificate's authority is one of your own, which this machine does not trust.",
    20: "The certificate's issuer is unknown here: the server sends it without its chain, or it is one of your own.",
    21: "The certificate's issuer is unknown here: the server sends it without its chain, or it is one of your own.",
    62: "The certificate is for another name than this one.",
    64: "The certificate is not for this IP address.",
}
_GATEWAY = {502, 503, 504, 521, 522, 523}  # 521 to 523 are Cloudflare's


def judge(seen: Observations) -> Report:
    """The report. Checks of what was not looked at are left out."""
    parts = urlsplit(seen.redirected_to or seen.url)
    proxies = known_proxies(seen.headers, seen.arrived.headers if seen.arrived else {})
    origin = f"{parts.scheme}://{parts.netloc}"
    notes = Notes(proxies, host=parts.hostname or "", origin=origin, target=seen.redirected_to)
    _judge_tls(notes, seen, is_plain=parts.scheme == "http", host=parts.hostname or "")
    if seen.tls is None or seen.tls.is_valid:
        _judge_reach(notes, seen)
    if seen.redirected_to:
        notes.warning(
            "redirect",
            f"{seen.url} redirects to {seen.redirected_to}. Use that address: many programs do not follow, or send a"
            " POST again without its body.",
        )
    if seen.arrived is not None:
        _judge_versions(notes, seen, seen.arrived)
        judge_streams(notes, seen.streams)
        _judge_socket(notes, seen)
        for post in seen.posts:
            _judge_post(notes, post)
        _judge_origin_kept(notes, seen, seen.arrived, parts.netloc)
        _judge_addresses(notes, seen, seen.arrived, is_tls=parts.scheme == "https")
    return notes.report(seen.url)


def _judge_tls(notes: Notes, seen: Observations, *, is_plain: bool, host: str) -> None:
    tls = seen.tls
    if tls is not None and not tls.is_valid:
        notes.problem("tls", _words_of(tls))
    elif tls is not None and tls.days_left < _SOON_DAYS:
        notes.warning("tls", f"The certificate ends in {tls.days_left} days, and has not been renewed.")
    elif tls is not None:
        notes.ok("tls", f"{tls.version}, with a certificate for {tls.days_left} more days.")
    elif is_plain and not _is_here(host):
        notes.warning("tls", "There is no encryption: whoever is between can read chats and keys.")


def _words_of(tls: TlsSeen) -> str:
    return _TLS_FAILURES.get(tls.failure, f"There is no encrypted connection: {tls.detail}.")


def _judge_reach(notes: Notes, seen: Observations) -> None:
    through = ", ".join(notes.proxies) or other_proxy(seen.headers)
    if seen.status in _GATEWAY and not seen.is_chatkeep:
        who = through or "A proxy"
        notes.problem("reach", f"{who} answers {seen.status}: it does not get through to chatkeep.")
    elif not seen.is_chatkeep:
        notes.problem("reach", f"What answers, with status {seen.status}, is not chatkeep. {seen.detail}".strip())
    elif seen.arrived is None and seen.status >= 400:  # noqa: PLR2004 - RFC 9110, section 15.5
        notes.problem("admission", f"chatkeep answers {seen.status}: {seen.detail}")
    else:
        between = f"through {through}" if through else "and no proxy shows itself between"
        notes.ok("reach", f"chatkeep answers, {between}.")


def _judge_versions(notes: Notes, seen: Observations, arrived: Arrived) -> None:
    protocol = seen.protocol or (seen.tls.protocol if seen.tls else "")
    newer = " HTTP/3 is offered too." if "h3" in seen.headers.get("alt-svc", "") else ""
    if protocol in ("h2", "h3"):
        notes.ok("http_version", f"Browsers get HTTP/{protocol[1:]}.{newer}")
    elif seen.tls is not None or urlsplit(seen.redirected_to or seen.url).scheme == "https":
        notes.warning(
            "http_version",
            "Browsers get HTTP/1.1, where they open at most six connections: the seventh open chat waits." + newer,
        )
    if arrived.http_version == "1.0":
        notes.warning(
            "upstream",
            "The proxy speaks HTTP/1.0 to chatkeep: an answer that was cut off looks like a whole one, and WebSockets"
            " cannot pass.",
        )


def _judge_socket(notes: Notes, seen: Observations) -> None:
    socket = seen.socket
    if socket is None:
        return
    if socket.has_echoed:
        notes.ok("websocket", "WebSockets open and answer.")
    elif socket.is_open:
        notes.problem("websocket", "WebSockets open, but what is sent over them does not come back.")
    else:
        why = f" with status {socket.status}" if socket.status else ""
        said = f" ({socket.detail})" if socket.detail else ""
        notes.problem("websocket", f"WebSockets are refused{why}{said}: live figures are missing.")


def _judge_post(notes: Notes, post: PostSeen) -> None:
    is_whole = post.received_bytes == post.size_bytes
    if post.post == "origin":
        if not is_whole:
            notes.problem("origin", f"What pages of this very address send is refused with {_refusal(post)}")
        return
    values = {"mebibytes": -(-post.size_bytes // _MEBIBYTE), "bytes": post.size_bytes}
    size = f"{post.size_bytes / _MEBIBYTE:g} MiB"
    if is_whole:
        notes.ok("body", f"A request of {size} gets through.")
    elif post.status == 0:
        notes.problem("body", f"The connection breaks while a request of {size} is sent. {post.detail}", **values)
    else:
        notes.problem("body", f"A request of {size}, which chatkeep takes, is refused with {_refusal(post)}", **values)


def _refusal(post: PostSeen) -> str:
    said = f"status {post.status}" if post.status else "no answer"
    return f"{said}: {post.detail}" if post.detail else f"{said}."


def _judge_origin_kept(notes: Notes, seen: Observations, arrived: Arrived, place: str) -> None:
    """Unless pages are refused, which is worse, say whether the name arrives as it was sent."""
    host = arrived.headers.get("host", "")
    if any(post.post == "origin" and post.received_bytes != post.size_bytes for post in seen.posts):
        return
    if host.lower() == place.lower():
        notes.ok("origin", "The name arrives as it was asked for, and pages of it are let in.")
    else:
        notes.warning(
            "origin", f"chatkeep is told the name {host!r} in place of {place!r}: older browsers' pages are refused."
        )


def _judge_addresses(notes: Notes, seen: Observations, arrived: Arrived, *, is_tls: bool) -> None:
    # Why with a guess: what a proxy that is trusted says of the client hides its own address.
    values = {"address": arrived.address or "127.0.0.1"}
    between = notes.proxies or other_proxy(seen.headers) or "via" in arrived.headers
    if arrived.is_forwarded:
        notes.ok("address", f"chatkeep sees you as {arrived.address}, as the proxy says.")
    elif "x-forwarded-for" in arrived.headers:
        notes.warning(
            "address",
            f"The proxy says who you are ({arrived.headers['x-forwarded-for']}), and chatkeep does not believe it: to"
            f" limits and logs everybody is {arrived.address}. Name the proxy's address.",
            **values,
        )
    elif between:
        notes.warning(
            "address",
            f"The proxy does not say who you are: to limits and logs everybody is {arrived.address}.",
            **values,
        )
    else:
        notes.ok("address", f"chatkeep sees you as {arrived.address}.")
    if is_tls and arrived.scheme not in ("https", "wss"):
        notes.warning(
            "scheme",
            "chatkeep takes this for plain HTTP, so the cookie of a login may also travel without encryption.",
            **values,
        )
    elif is_tls:
        notes.ok("scheme", "chatkeep knows that the outside is encrypted.")


def _is_here(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
