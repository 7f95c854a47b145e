"""Loops: how a model that says the same again and again is seen in its text. It is stopped by generate.py."""
