"""The only file that knows watchdog: events as hints where to look, never as the truth.

Events get lost, the reader thread can die, watches run out: each of these asks for a scan here, and the scans
of `scanning` find what no event announced.
"""

import errno
import logging
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, EventEmitter
from watchdog.observers.polling import PollingObserver

from .candidates import verdict
from .ignoring import IGNORE_FILE

FOLDER_EVENTS: list[type[FileSystemEvent]] = [DirCreatedEvent, DirDeletedEvent, DirMovedEvent]
EVENTS: list[type[FileSystemEvent]] = [
    FileClosedEvent,
    FileCreatedEvent,
    FileMovedEvent,
    FileDeletedEvent,
    *FOLDER_EVENTS,
]
"""Opened, read and closed are left out: our own reading would fill the queue with them."""

LONGEST_STOP_SECONDS = 2.0

NO_INOTIFY = "This system has no inotify, so new files are found by scans alone."
NO_INSTANCE = (
    "All inotify instances of this user are in use, so new files are found by scans alone. "
    "Raise the limit: sysctl fs.inotify.max_user_instances=1024"
)
TOO_FEW_WATCHES = (
    "The system's inotify watches are used up, so new files in some folders are found by scans alone. "
    "Raise the limit: sysctl fs.inotify.max_user_watches=1048576"
)
FORBIDDEN_FOLDERS = "Some folders may not be watched for want of permission; scans say which."
_START_SENTENCES = {errno.EMFILE: NO_INSTANCE, errno.ENOSPC: TOO_FEW_WATCHES, errno.ENOSYS: NO_INOTIFY}


class Watcher:
    """Watches one inbox with all its folders and calls `hint` and `rescan`, both from watchdog's threads.

    `hint(path)` is told each path with a name worth a look, `rescan(reason)` that events were lost. Neither
    may block or raise.
    """

    def __init__(self, inbox: Path, hint: Callable[[str], None], rescan: Callable[[str], None]) -> None:
        self.trouble: str | None = None
        """Why events may not arrive, with the cure, or None."""
        self.blind = False
        """Whether new files may come that no event tells of."""
        self.guarded = False
        """Whether the reader thread is kept from dying unnoticed."""
        self.overflows = 0
        """How often more happened at once than the system reports."""
        self.rebuilds = 0
        """How often watching began anew because events no longer came."""
        self._inbox = inbox
        self._hint = hint
        self._rescan = rescan
        self._observer: BaseObserver | None = None
        self._root: tuple[int, int] | None = None
        self._broken = False

    def start(self) -> None:
        """Begin to watch; where that is not possible, `trouble` says why and nothing is raised.

        Scan once after this, not before: what comes in between would be missed.
        """
        _quiet_watchdog()
        self._broken = False
        self.trouble = None
        self.blind = False
        try:
            self._root = self._identity()
            self._observer = self._started()
        except OSError as error:
            self.blind = True
            self.trouble = _START_SENTENCES.get(
                error.errno or 0, f"The inbox cannot be watched ({error.strerror}); scans look for new files."
            )

    def stop(self) -> None:
        """Stop watching; returns when watchdog's threads have ended."""
        observer, self._observer = self._observer, None
        if observer is not None:
            _dismantle(observer)

    def restart(self) -> None:
        """Watch anew after `alive` said no; a scan must follow."""
        self.rebuilds += self._observer is not None
        self.stop()
        self.start()

    def lost(self) -> bool:
        """Tell whether it watched, and no longer does; `restart` is the cure."""
        return self._observer is not None and not self.alive()

    def alive(self) -> bool:
        """Tell whether events of the folder that the inbox is now would still arrive.

        No after a fault in watchdog, when one of its threads ended, and when the inbox was removed, renamed,
        mounted or unmounted, all of which watchdog itself does not notice.
        """
        # Read once: a stop in another thread lets go of it.
        observer = self._observer
        if observer is None or self._broken:
            return False
        try:
            return self._identity() == self._root and _threads_live(observer)
        except OSError:
            return False

    def _identity(self) -> tuple[int, int]:
        status = self._inbox.stat()
        return status.st_dev, status.st_ino

    def _started(self) -> BaseObserver:
        observer = Observer()
        if isinstance(observer, PollingObserver):
            raise OSError(errno.ENOSYS, NO_INOTIFY)
        try:
            # Bytes keep names that are not UTF-8; a root that is a symbolic link would itself be watched.
            root = os.path.realpath(os.fsencode(self._inbox))
            handler = _Handler(root, self._inbox, self._hint, self._lose_root)
            self._guard(observer, handler)
            observer.schedule(handler, root, recursive=True, event_filter=EVENTS)  # type: ignore[arg-type]
            observer.start()
            if self.guarded:
                _queue_folders_only(observer)
        except OSError:
            _dismantle(observer)
            raise
        return observer

    def _lose_root(self) -> None:
        """Take the watch for lost: a folder made anew may have the number of the one that was removed."""
        self._broken = True
        self._rescan("Something happened to the inbox itself.")

    def _guard(self, observer: BaseObserver, handler: "_Handler") -> None:
        """Keep the reader thread alive through watchdog's own faults, and hear of lost events.

        Its tables lose step when a folder is moved out and another takes its name; the KeyError that follows
        would end the thread without a word. Without these attributes `alive` still notices the death, later.
        """
        reader: Any = getattr(observer, "_inotify_fd", None)
        self.guarded = hasattr(reader, "handle_event") and hasattr(reader, "add_callback")
        if self.guarded:
            reader.handle_event = self._event_guard(observer, handler, reader.handle_event)
            reader.add_callback = self._watch_guard(reader.add_callback)

    def _event_guard(
        self, observer: BaseObserver, handler: "_Handler", plain: Callable[[Any], None]
    ) -> Callable[[Any], None]:
        def handle_event(event: Any) -> None:
            try:
                path = _path_of_file(observer, event)
                if path is None:
                    plain(event)
                else:
                    handler.note(path, is_directory=False)
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the thread
                self._broken = True
                self._rescan(f"The watcher lost track ({type(error).__name__}).")
            if event.is_queue_overflow:
                self.overflows += 1
                self._rescan("More happened at once than the system reports.")

        return handle_event

    def _watch_guard(self, plain: Callable[..., int]) -> Callable[..., int]:
        def add_callback(path: bytes, *rest: Any) -> int:
            try:
                watch = plain(path, *rest)
            except OSError as error:
                # watchdog drops this for all folders but the inbox itself.
                if error.errno == errno.ENOSPC:
                    self.blind = True
                    self.trouble = TOO_FEW_WATCHES
                raise
            if watch < 0:
                self.trouble = self.trouble or FORBIDDEN_FOLDERS
            return watch

        return add_callback


class _Handler(FileSystemEventHandler):
    """Turns events into hints; notes a path and does nothing else, for watchdog's queue has no bound."""

    def __init__(
        self,
        root: bytes,
        inbox: Path,
        hint: Callable[[str], None],
        lose_root: Callable[[], None],
    ) -> None:
        self._root = root
        self._inbox = os.fsencode(inbox)
        self._hint = hint
        self._lose_root = lose_root

    def dispatch(self, event: FileSystemEvent) -> None:
        self.note(event.src_path, event.is_directory)
        if event.dest_path:
            self.note(event.dest_path, event.is_directory)

    def note(self, source: bytes | str, is_directory: bool) -> None:
        path = os.fsencode(source)
        if path == self._root:
            self._lose_root()
            return
        folder, _, name = path.rpartition(b"/")
        if name == os.fsencode(IGNORE_FILE):
            # What it says holds for the whole folder.
            self._hint(self._below(folder))
        elif not verdict(name, is_directory).final:
            self._hint(self._below(path))

    def _below(self, path: bytes) -> str:
        return os.fsdecode(self._inbox + path[len(self._root) :])


def _queue_folders_only(observer: BaseObserver) -> None:
    """Leave out the event that watchdog makes up for each file in a new folder: that is looked through."""
    for emitter in observer.emitters:
        # Where files are not told past the queue, they must come through it.
        if _folders_of(emitter) is not None:
            emitter._event_filter = frozenset(FOLDER_EVENTS)  # noqa: SLF001 - after its mask was made


def _path_of_file(observer: BaseObserver, event: Any) -> bytes | None:
    """Give the path of a file that an event is of; None where watchdog must see it: it is of a folder, say.

    Between here and the handler are two threads, and two queues without a bound.
    """
    if event.is_directory or not event.name:
        return None
    folders = [(_folders_of(emitter) or {}).get(event.wd) for emitter in observer.emitters]
    return next((folder + b"/" + event.name for folder in folders if folder is not None), None)


def _folders_of(emitter: EventEmitter) -> Mapping[int, bytes] | None:
    """Give the watched folders by their numbers; None where watchdog does not keep them so any more."""
    return getattr(getattr(emitter, "_inotify", None), "_active_callbacks_by_watch", None)


def _quiet_watchdog() -> None:
    # It warns of each folder made in a burst, with the whole watch table in the text: on a stderr that nobody
    # reads this blocks the reader thread. What it logs is told by `rescan` and `trouble`, or is of no use.
    warnings.filterwarnings("ignore", message="Callback with id", category=RuntimeWarning)
    logging.getLogger("watchdog").setLevel(logging.CRITICAL)


def _threads_live(observer: BaseObserver) -> bool:
    reader = getattr(observer, "_inotify_fd", observer)
    threads = [observer, reader, *observer.emitters]
    return bool(observer.emitters) and all(thread.is_alive() for thread in threads)


def _dismantle(observer: BaseObserver) -> None:
    """Stop an observer, also one whose tables are in disorder: its threads and its descriptors must go."""
    groups = [getattr(emitter, "_inotify", None) for emitter in observer.emitters]
    try:
        observer.stop()
    except (KeyError, OSError):
        _break_off(observer, groups)
    if observer.is_alive():
        observer.join(LONGEST_STOP_SECONDS)


def _break_off(observer: BaseObserver, groups: Sequence[Any]) -> None:
    observer.event_queue.put(observer.stop_event)
    with suppress(AttributeError):
        for group in groups:
            group._move_event_grouper.close()  # noqa: SLF001 - its emitter waits there, and ends when woken
    reader: Any = getattr(observer, "_inotify_fd", None)
    if reader is not None:
        reader.stop()
