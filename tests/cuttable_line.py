"""A TCP line to a server that a test can cut, take down for a while, strike dumb, or rob of an answer."""

import contextlib
import socket
import threading
from collections.abc import Iterator


class CuttableLine:
    """Passes bytes on in both directions, over as many connections as are made to `url`."""

    def __init__(self, url: str) -> None:
        self._to = _address(url)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._links: list[_Link] = []
        self._is_down = False
        self._losing: bytes | None = None
        self._blocking: bytes | None = None
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.lost_answers = 0

    def lead_to(self, url: str) -> None:
        """Connect to the server at `url` from here on: one that was started again."""
        self._to = _address(url)

    def cut(self) -> None:
        """End every connection; new ones can be made."""
        for link in self._links:
            link.end()

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        """Cut, and end every connection at once that is made in the block."""
        self._is_down = True
        self.cut()
        yield
        self._is_down = False

    def fall_silent(self, *requests: bytes) -> None:
        """Pass nothing more on for requests that begin like that, and end nothing: the other side sleeps, or is gone.

        Connections that answer others are cut; new ones can be made.
        """
        for link in self._links:
            if link.request.startswith(requests):
                link.is_silent = True
            else:
                link.end()

    def lose_answer_to(self, request: bytes) -> None:
        """Let the next request that begins like that come to the server, and cut when it answers."""
        self._losing = request

    @contextlib.contextmanager
    def blocking(self, request: bytes) -> Iterator[None]:
        """Let no request that begins like that come to the server in the block: cut it."""
        self._blocking = request
        yield
        self._blocking = None

    def close(self) -> None:
        """End all of it."""
        # Why not only close: on Linux that does not wake who waits in accept.
        self._listening.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self.cut()
        for thread in self._threads[1:]:
            thread.join()
        for link in self._links:
            link.near.close()
            link.far.close()
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                try:
                    if self._is_down:
                        raise ConnectionRefusedError  # noqa: TRY301 - as from a server that is not there
                    far = socket.create_connection(self._to)
                except ConnectionRefusedError:
                    near.close()
                    continue
                link = _Link(near, far)
                self._links.append(link)
                for pass_on in (self._ask, self._answer):
                    self._threads.append(threading.Thread(target=pass_on, args=(link,)))
                    self._threads[-1].start()

    def _ask(self, link: "_Link") -> None:
        with contextlib.suppress(OSError):
            for piece in link.pieces(link.near, link.far):
                link.request = piece
                if self._blocking is not None and piece.startswith(self._blocking):
                    link.end()
                    return
                if self._losing is not None and piece.startswith(self._losing):
                    link.loses_answer, self._losing = True, None
                link.far.sendall(piece)

    def _answer(self, link: "_Link") -> None:
        with contextlib.suppress(OSError):
            for piece in link.pieces(link.far, link.near):
                if link.loses_answer:
                    self.lost_answers += 1
                    link.end()
                    return
                link.near.sendall(piece)


class _Link:
    """A connection and the one it is passed on to."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self.near = near
        self.far = far
        self.request = b""  # the newest one
        self.is_silent = False
        self.loses_answer = False

    def end(self) -> None:
        for end in (self.near, self.far):
            with contextlib.suppress(OSError):  # it has ended
                end.shutdown(socket.SHUT_RDWR)

    def pieces(self, one: socket.socket, other: socket.socket) -> Iterator[bytes]:
        """What comes from `one`, whose end is passed on to `other`."""
        with contextlib.suppress(OSError):
            while piece := one.recv(65536):
                if not self.is_silent:
                    yield piece
        with contextlib.suppress(OSError):
            if not self.is_silent:
                other.shutdown(socket.SHUT_RDWR)


def _address(url: str) -> tuple[str, int]:
    return "127.0.0.1", int(url.rpartition(":")[2])


@contextlib.contextmanager
def line_to(url: str) -> Iterator[CuttableLine]:
    """A line to the server at `url`, until the end of the `with`."""
    with contextlib.closing(CuttableLine(url)) as line:
        yield line
