"""Addresses of servers, as they may be shown."""

from urllib.parse import urlsplit


def without_password(url: str) -> str:
    """What may be shown: names and passwords for a proxy stay out."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(no address)"
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
