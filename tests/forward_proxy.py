"""A proxy on a real socket, in a thread: whatever host is asked for, it connects to one port of this machine."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer


class ForwardProxy:
    """`asked` are the first lines and the headers of what came in. It takes CONNECT, and plain requests as they are."""

    def __init__(self, to_port: int) -> None:
        self.to_port = to_port
        self.asked: list[str] = []
        self.url = ""

    def lines(self) -> set[str]:
        """The first lines."""
        return {head.partition("\r\n")[0] for head in self.asked}

    def serve(self, client: socket.socket) -> None:
        """Answer one connection."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            if not (byte := client.recv(1)):
                return
            head += byte
        self.asked.append(head.decode())
        with socket.create_connection(("127.0.0.1", self.to_port)) as upstream:
            if head.startswith(b"CONNECT "):
                client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            else:
                upstream.sendall(head)
            back = threading.Thread(target=_pump, args=(upstream, client))
            back.start()
            _pump(client, upstream)
            back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65_536):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def forward_proxy(to_port: int) -> Iterator[ForwardProxy]:
    """A running proxy."""
    proxy = ForwardProxy(to_port)

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            proxy.serve(self.connection)

    class Server(ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()
