"""What the README promises, measured: `make bench`, or `python -m bench --help`."""
