"""The application for any ASGI server: `uvicorn chatkeep.asgi:app`."""

from chatkeep.app import Service, create_app
from chatkeep.settings import read_settings
from chatkeep.telemetry.logging import configure_logging

_settings = read_settings()
configure_logging(_settings.log_level, as_json=_settings.log_json)
app = create_app(Service(_settings))
