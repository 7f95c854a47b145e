"""The embedded model's process: `python -m chatkeep.providers.llama_child`. Its parent: embedded.py.

It reads one line of JSON from standard input (`Order`), loads the model, writes one line of
JSON to standard output (`Ready`), and serves until standard input ends, which it does also
when the parent is killed. llama.cpp reads files of a foreign format in native code: in a
process of its own a fault there ends no chat, and it holds none of our secrets.
"""

import ctypes
import os
import signal
import sys

import msgspec

_PR_SET_PDEATHSIG = 1  # prctl(2)


class Order(msgspec.Struct, frozen=True):
    """What to load and how to serve it. `request_tokens` is the window of each of `parallel` requests at once."""

    model_path: str
    api_key: str
    request_tokens: int
    parallel: int


class Ready(msgspec.Struct, frozen=True):
    """Where it serves: `http://127.0.0.1:…`, without a slash at the end."""

    url: str


def main() -> None:
    """Serve until standard input ends."""
    _die_with_parent()
    answer = os.dup(1)
    os.dup2(2, 1)  # what native code prints to standard output must not be taken for our answer
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    server = _serve(order)
    os.write(answer, msgspec.json.encode(Ready(server.listening_address)) + b"\n")
    while os.read(0, 1024):
        pass
    os._exit(0)  # Why so hard: llama.cpp's own end waits for its requests.


def _serve(order: Order):  # type: ignore[no-untyped-def] # noqa: ANN202 - an extra: its types may not be there
    import xllamacpp  # noqa: PLC0415 - an extra, and heavy

    params = xllamacpp.CommonParams()
    params.model.path = order.model_path
    params.n_parallel = order.parallel
    params.n_ctx = order.request_tokens * order.parallel  # llama.cpp divides it between the slots
    params.hostnames = ["127.0.0.1"]
    params.port = 0  # a free one
    params.api_keys = [order.api_key]
    params.verbosity = 0
    params.ui = False
    params.endpoint_slots = False  # it shows prompts
    params.cache_ram_mib = 0  # or old prompts take up to 8 GiB
    return xllamacpp.Server(params)


def _die_with_parent() -> None:
    """Ask Linux for SIGKILL when the parent dies: loading does not notice the end of standard input."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
