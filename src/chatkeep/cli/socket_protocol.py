"""uvicorn's WebSocket protocol, with an end for clients that do not play along."""

from http import HTTPStatus

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from chatkeep.cli.http_protocol import last_answer, plain_problem

_GONE_S = 1.0  # what a client gets to take the last bytes, when it cannot be waited for
_DONE_S = 3.0  # and to answer a close frame, when the application is done


class SocketProtocol(WebSocketsSansIOProtocol):
    """Workaround: uvicorn 0.54 closes a transport politely, which waits for ever for a client that never reads.

    It waits for that client at shutdown too, and for ever for the rest of a handshake that cannot be read. It answers
    pings without bound, and logs errors for a refused handshake and for text that is not UTF-8, which are the
    client's doing. Remove what uvicorn mends.
    """

    def data_received(self, data: bytes) -> None:
        """Read on. The first data are the whole handshake; of one that it cannot read, websockets tells nobody."""
        super().data_received(data)
        if not self.handshake_initiated:
            self.handshake_initiated = self.handshake_complete = self.close_sent = True
            self.transport.write(last_answer(plain_problem(HTTPStatus.BAD_REQUEST, "That is no WebSocket handshake.")))
            self.transport.close()
            self._drop_after(_GONE_S)

    def shutdown(self) -> None:
        """Close with 1012 (Service Restart), and do not wait long for a client that does not take it."""
        super().shutdown()
        self._drop_after(_GONE_S)

    def keepalive_timeout(self) -> None:
        """The client answered no ping."""
        super().keepalive_timeout()
        self._drop_after(_GONE_S)

    def handle_ping(self) -> None:
        """Answer a ping; a client that asks and does not take its answers is dropped, for nothing bounds them."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.transport.abort()

    async def run_asgi(self) -> None:
        """Serve the socket; when the application is done with it, so are we."""
        await super().run_asgi()
        self._drop_after(_DONE_S)

    async def send(self, message: ASGISendEvent) -> None:
        """Send on; a refusal that has left completes the handshake."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and self.close_sent:
            self.handshake_complete = True

    def send_receive_event_to_app(self) -> None:
        """Hand a message on; text that is not UTF-8 closes with 1007 (RFC 6455, section 8.1)."""
        if self.curr_msg_data_type == "text" and not self.close_sent and not _is_utf8(b"".join(self.frames)):
            self.conn.fail(1007, "That is not UTF-8.")
            self.handle_parser_exception()
            return
        super().send_receive_event_to_app()

    def _drop_after(self, delay_s: float) -> None:
        self.loop.call_later(delay_s, self.transport.abort)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
