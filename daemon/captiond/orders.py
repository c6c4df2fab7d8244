"""What a command has written to the catalogue: by the captiond that runs, or by itself where none does.

Either way it is the same function, in one transaction, under the catalogue's lock: two writers never exist.
To add an order: one function here and its name in `ORDERS`; `give` then takes it from any command.
"""

import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import control
from .catalogue import pausing
from .catalogue.database import writing
from .catalogue.editing import Again, Correction, correct, redo
from .catalogue.locking import locked
from .catalogue.opening import reading
from .catalogue.retrying import Wish, retry
from .catalogue.store import Catalogue, Connection
from .clock import Clock
from .control import NobodyListens, OrderFailed
from .errors import CaptiondError, CatalogueInUse
from .model import Answer, Digest, Json, PromptName, Status
from .prompts.prompt import Kind, Prompt

if TYPE_CHECKING:
    # A command keeps no log, and structlog is slow to import.
    import structlog

Order = Callable[[Connection, Mapping[str, Json], datetime], Json]
"""Writes what an order says and gives what that did; raises ValueError where it makes no sense."""

ASKING = {"edit": "again", "redo": "prompts"}
"""The orders that have prompts asked, and where they name them."""

TELL = "tell"
"""The order that changes nothing: say how it goes."""
TELL_SECONDS = 3.0

START_SECONDS = 10.0
"""A captiond that has the lock takes orders by then, or is about to end."""
PAUSE_SECONDS = 0.1


def _retry(connection: Connection, about: Mapping[str, Json], now: datetime) -> Json:
    return asdict(retry(connection, wish_from(about), now))


def _pause(connection: Connection, _about: Mapping[str, Json], now: datetime) -> Json:
    return {"changed": pausing.pause(connection, now)}


def _resume(connection: Connection, _about: Mapping[str, Json], now: datetime) -> Json:
    return {"changed": pausing.resume(connection, now)}


def _edit(connection: Connection, about: Mapping[str, Json], now: datetime) -> Json:
    return {"questions": correct(connection, correction_from(about), now)}


def _redo(connection: Connection, about: Mapping[str, Json], now: datetime) -> Json:
    return {"questions": redo(connection, again_from(about), now)}


ORDERS: Mapping[str, Order] = {
    "edit": _edit,
    "pause": _pause,
    "redo": _redo,
    "resume": _resume,
    "retry": _retry,
}


def give(catalogue: Path, order: str, about: Mapping[str, Json], clock: Clock) -> Json:
    """Have an order carried out; gives what it did, as JSON has it.

    Raises OrderFailed and Fatal; CatalogueFault where there is no catalogue yet.
    """
    with reading(catalogue):
        pass  # it is there, and ours
    latest = clock.monotonic_seconds() + START_SECONDS
    while True:
        with suppress(NobodyListens):
            return control.ask(catalogue, order, about)
        try:
            with locked(catalogue), writing(catalogue, clock.now()) as connection:
                return ORDERS[order](connection, about, clock.now())
        except CatalogueInUse as starting:
            if clock.monotonic_seconds() > latest:
                raise OrderFailed("captiond runs, but takes no orders; its log may tell why") from starting
        time.sleep(PAUSE_SECONDS)


def told(catalogue: Path) -> str | None:
    """Give what the captiond that runs says now; None where it says nothing."""
    try:
        answer = control.ask(catalogue, TELL, {}, seconds=TELL_SECONDS)
    except CaptiondError:
        return None
    return (str(answer.get("sentence") or "") if isinstance(answer, dict) else "") or None


@asynccontextmanager
async def orders_taken(
    catalogue: Catalogue,
    clock: Clock,
    log: "structlog.stdlib.BoundLogger",
    carried_out: Callable[[], None],
    *,
    sentence: Callable[[], str] = str,
    asked: Callable[[], Collection[str]] | None = None,
) -> AsyncIterator[None]:
    """Take orders for as long as the block lasts; `carried_out` is called after each.

    Who only asks how it goes is told the `sentence`, also while nothing can be written. `asked` gives the
    prompts that are asked now, None: any; a job of another would be in hand for ever.
    """

    async def obey(order: str, about: Mapping[str, Json]) -> Json:
        if order == TELL:
            return {"sentence": sentence()}
        if order not in ORDERS:
            raise OrderFailed(f'the captiond that runs knows no "{order}": it is older, restart it')
        if asked is not None:
            _must_be_among(asked(), about.get(ASKING.get(order, ""), ()))
        did = await catalogue.write(ORDERS[order], about, clock.now())
        log.info("by hand", order=order, **did)
        carried_out()
        return did

    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(control.listening(catalogue.path, obey))
        except OSError as error:
            log.warning("commands cannot change anything while captiond runs", reason=str(error))
        yield


def _must_be_among(asked: Collection[str], prompts: Json) -> None:
    for prompt in prompts:
        if prompt not in asked:
            raise OrderFailed(
                f'the captiond that runs does not ask "{prompt}": have it read its settings again '
                "(SIGHUP, or `systemctl reload captiond`)"
            )


def wish_from(about: Mapping[str, Json]) -> Wish:
    """Read what is to be tried again; raises ValueError where it makes no sense."""
    match about:
        case {
            "failed": bool(failed),
            "unreadable": bool(unreadable),
            "photos": list() | None as photos,
            "files": list(files),
            "prompts": list(prompts),
            "reason": str(reason),
        }:
            return Wish(
                failed=failed,
                unreadable=unreadable,
                photos=None if photos is None else tuple(Digest(str(photo)) for photo in photos),
                files=tuple((str(inbox), str(path)) for inbox, path in files),
                prompts=tuple(PromptName(str(prompt)) for prompt in prompts),
                reason=reason,
            )
    raise ValueError(about)


def correction_from(about: Mapping[str, Json]) -> Correction:
    """Read what a person says that an answer is; raises ValueError where it makes no sense."""
    match about:
        case {
            "photo": str(photo),
            "prompt": {"name": str(name), "kind": str(kind), "text": str(text)},
            "version": str(version),
            "answer": {"status": str(status), "value": str() | None as value, "content": content, **rest},
            "again": list(again),
        }:
            return Correction(
                photo=Digest(photo),
                prompt=Prompt(PromptName(name), Kind(kind), text),
                prompt_version=version,
                answer=Answer(Status(status), value, content, _text(rest, "language"), _text(rest, "reason")),
                again=tuple(PromptName(str(prompt)) for prompt in again),
                following=tuple(PromptName(str(prompt)) for prompt in about.get("following", ())),
            )
    raise ValueError(about)


def again_from(about: Mapping[str, Json]) -> Again:
    """Read what is to be asked anew; raises ValueError where it makes no sense."""
    match about:
        case {"words": str(words), "prompts": list(prompts), "model": str() | None as model}:
            return Again(words, tuple(PromptName(str(prompt)) for prompt in prompts), model)
    raise ValueError(about)


def _text(about: Mapping[Any, Json], name: str) -> str | None:
    text = about.get(name)
    return None if text is None else str(text)
