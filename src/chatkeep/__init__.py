"""chatkeep: a chat server that keeps every conversation as a plain JSON file."""

from importlib.metadata import version

__version__ = version("chatkeep")
