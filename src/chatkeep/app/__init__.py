"""Composition root: the only folder that knows every part."""
