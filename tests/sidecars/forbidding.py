"""Folders and files that this process may not use, even where it is root."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def ordinary_user() -> Iterator[None]:
    """Do without the rights of root for a while."""
    if os.geteuid() == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        if os.getuid() == 0:
            os.seteuid(0)


@contextlib.contextmanager
def forbidden_folder(mode: int = 0o555) -> Iterator[Path]:
    """Give a folder that this process may read but not write, or what else its mode says."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(mode)
        try:
            with ordinary_user():
                yield folder
        finally:
            folder.chmod(0o700)
