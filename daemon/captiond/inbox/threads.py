"""Threads of one inbox's own: a disk that hangs holds up nobody else, not even the end of the program."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

IDLE_SECONDS = 10.0
"""A thread that has had nothing to do for so long ends; the next call starts another."""

_Call = tuple["Future[Any]", Callable[[], Any]]


class OwnThread(Executor):
    """One thread that does one call after another, and that nobody waits for when the program ends.

    `at_rest` is called in it before it ends because there is nothing to do.
    """

    def __init__(self, name: str, at_rest: Callable[[], None] = lambda: None) -> None:
        self._name = name
        self._at_rest = at_rest
        self._calls: SimpleQueue[_Call] = SimpleQueue()
        self._lock = threading.Lock()
        self._runs = False

    def submit(self, act: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> "Future[T]":
        """Have a call done as soon as those before it are."""
        future: Future[T] = Future()
        with self._lock:
            self._calls.put((future, partial(act, *arguments, **named)))
            if not self._runs:
                self._runs = True
                threading.Thread(target=self._work, name=self._name, daemon=True).start()
        return future

    def _work(self) -> None:
        while (call := self._next()) is not None:
            future, act = call
            if future.set_running_or_notify_cancel():
                _do(future, act)
            # Else the last call's result lives until the next one.
            del call, future, act

    def _next(self) -> _Call | None:
        try:
            return self._calls.get(timeout=IDLE_SECONDS)
        except Empty:
            self._at_rest()
            with self._lock:
                self._runs = not self._calls.empty()
            return self._next() if self._runs else None


def _do(future: "Future[Any]", act: Callable[[], Any]) -> None:
    try:
        future.set_result(act())
    except BaseException as error:  # noqa: BLE001 - whoever waits for the call gets its error
        future.set_exception(error)
