"""What every test may ask for."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"
"""Real photos and hostile images beside the checkout, where somebody has them."""


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
