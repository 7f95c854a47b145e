"""Installed packages that exist only in a folder, as `sys.path` or PYTHONPATH finds them."""

from collections.abc import Mapping
from pathlib import Path


def install(folder: Path, package: str, code: str, providers: Mapping[str, str]) -> None:
    """Put a package of one module, `code`, into `folder`; `providers` are its entry points: names, and attributes."""
    module = package.replace("-", "_")
    (folder / f"{module}.py").write_text(code)
    described = folder / f"{module}-1.0.dist-info"
    described.mkdir(parents=True)
    (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    points = "".join(f"{name} = {module}:{attribute}\n" for name, attribute in providers.items())
    (described / "entry_points.txt").write_text(f"[chatkeep.providers]\n{points}")
