"""Start a process of our own Python. Those are llama_child.py and price_child.py."""

import asyncio
import os
import sys

# What a process needs to run at all. Everything else of ours, keys above all, stays here.
_ENVIRONMENT = (
    *("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT"),
    *("LANG", "LC_ALL", "LC_CTYPE"),
)


async def spawn(module: str, *arguments: str) -> asyncio.subprocess.Process:
    """Run `module`, with pipes to and from it and none of our keys. The caller ends it. Raises: OSError."""
    pipe = asyncio.subprocess.PIPE
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    # -P: the working folder holds no code of ours. A session of its own: Ctrl-C is for the server, which then ends it.
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", module, *arguments),
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        env=environment,
        start_new_session=True,
    )
