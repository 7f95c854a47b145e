"""Logs now; metrics and traces later."""
