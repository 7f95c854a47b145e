"""`python -m chatkeep` is `chatkeep`."""

from chatkeep.cli.main import main

main(prog_name="chatkeep")
