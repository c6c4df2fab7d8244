"""An empty catalogue, made once and copied for each test."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from captiond.catalogue.database import open_to_write
from catalogue.planting import NOW


@pytest.fixture
def catalogue_path(empty_catalogue: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(empty_catalogue, tmp_path / "catalogue.db"))


@pytest.fixture
def connection(catalogue_path: Path) -> Iterator[Connection]:
    """A writing connection in one transaction."""
    engine = open_to_write(catalogue_path, NOW)
    with engine.begin() as connection:
        yield connection
    engine.dispose()
