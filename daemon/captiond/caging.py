"""Starts the decode process and tells what holds it: `captiond status`, and the log where it has gaps."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from .catalogue import jobs
from .catalogue.store import Catalogue
from .clock import Clock
from .errors import Outage
from .imaging.worker import Decoder


@asynccontextmanager
async def caged(
    decoder: Decoder, catalogue: Catalogue, clock: Clock, log: structlog.stdlib.BoundLogger
) -> AsyncIterator[None]:
    """Have the decode process run, and its cage told; raises `Outage` where it does not start."""
    async with decoder:
        bars = await decoder.start()
        if bars.gaps:
            log.warning("the cage has gaps", reason=bars.sentence)
        with suppress(Outage):  # the disk may be full; that is told elsewhere
            await catalogue.write(jobs.say, "cage", bars.sentence, clock.now())
        yield
