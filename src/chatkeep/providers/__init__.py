"""Adapters to the services that answer: one module a wire format. What they have in common: chat/ports.py."""
