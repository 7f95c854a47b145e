"""Checks around a turn: what one is, where they run, and when they are asked. Those that ship: chatkeep/checks."""
