"""A FUSE file system in plain Python that mirrors a folder, to read only, and fails when it is told to.

It stands for a disk of another machine: what is written to the mirrored folder itself sets off no event here.
Run as a program (`python mirror.py FOLDER MOUNT_POINT FAULT_FILE`) it serves until it is killed. The fault
file holds a word: `empty` knows no names, `hang` answers nothing, and an error's name (`EIO`) meets whoever
enters a folder called `broken`, or with `all` behind it, everybody.
"""

import ctypes
import errno
import os
import select
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IN_HEADER = struct.Struct("<IIQQIIIHH")
OUT_HEADER = struct.Struct("<IiQ")
ATTRIBUTES = struct.Struct("<6Q10I")
ROOM = 1 << 17
NEVER_ANSWERED = {2, 36, 42}
"""Forget, interrupt, forget many."""
BROKEN = b"broken"


@contextmanager
def mirrored(folder: Path, mount_point: Path, fault: Path) -> Iterator[None]:
    """Mount a mirror of a folder; taken away at the end."""
    mount_point.mkdir(exist_ok=True)
    fault.write_text("")
    with subprocess.Popen([sys.executable, __file__, folder, mount_point, fault]) as process:
        try:
            latest = time.monotonic() + 10
            while not mount_point.is_mount():
                assert time.monotonic() < latest, "it was not mounted"
                assert process.poll() is None
                time.sleep(0.02)
            yield
        finally:
            process.kill()
            process.wait()
            subprocess.run(["umount", "--lazy", mount_point], check=False)


def can_mount() -> bool:
    """Tell whether this user may mount a FUSE file system here."""
    return os.geteuid() == 0 and os.access("/dev/fuse", os.W_OK)


class Mirror:
    """Answers the kernel's requests, one after another."""

    def __init__(self, folder: bytes, fault: Path) -> None:
        self._folder = folder
        self._fault = fault
        self._paths = {1: b""}
        self._numbers = {b"": 1}
        self._answers = {
            1: self._look_up,
            3: self._attributes,
            14: self._open,
            15: self._read,
            17: lambda _path, _rest: struct.pack("<5Q4I24x", 9, 9, 9, 9, 9, 4096, 255, 4096, 0),
            18: lambda _path, _rest: b"",
            26: lambda _path, _rest: struct.pack("<4I2H2I2H32x", 7, 31, ROOM, 0, 9, 9, ROOM, 1, 0, 0),
            27: self._open,
            28: self._list,
            29: lambda _path, _rest: b"",
        }

    def serve(self, device: int) -> None:
        while True:
            # A request that was taken already could not even be killed.
            while not select.select([device], [], [], 0.05)[0] or self._fault.read_text() == "hang":
                time.sleep(0.001)
            request = os.read(device, ROOM + 4096)
            _, kind, unique, node, *_ = IN_HEADER.unpack_from(request)
            if kind in NEVER_ANSWERED:
                continue
            error, answer = self._answer(kind, self._paths.get(node, b""), request[IN_HEADER.size :])
            os.write(device, OUT_HEADER.pack(OUT_HEADER.size + len(answer), -error, unique) + answer)

    def _answer(self, kind: int, path: bytes, rest: bytes) -> tuple[int, bytes]:
        name, _, whom = self._fault.read_text().partition(" ")
        if name.startswith("E") and kind != 26 and (whom == "all" or BROKEN in path):
            return getattr(errno, name), b""
        if kind not in self._answers:
            return errno.ENOSYS, b""
        try:
            return 0, self._answers[kind](path, rest)
        except OSError as failure:
            return failure.errno or errno.EIO, b""

    def _real(self, path: bytes) -> bytes:
        return self._folder + path

    def _stat(self, path: bytes) -> bytes:
        status = os.lstat(self._real(path))
        seconds, nanoseconds = zip(
            *(
                divmod(time_ns, 10**9)
                for time_ns in (status.st_atime_ns, status.st_mtime_ns, status.st_ctime_ns)
            ),
            strict=True,
        )
        owner = (status.st_nlink, status.st_uid, status.st_gid, 0, 4096, 0)
        return ATTRIBUTES.pack(
            status.st_ino, status.st_size, status.st_blocks, *seconds, *nanoseconds, status.st_mode, *owner
        )

    def _look_up(self, path: bytes, rest: bytes) -> bytes:
        child = path + b"/" + rest.split(b"\0")[0]
        if self._fault.read_text() == "empty":
            raise FileNotFoundError(errno.ENOENT, "empty")
        attributes = self._stat(child)
        number = self._numbers.setdefault(child, len(self._numbers) + 1)
        self._paths[number] = child
        return struct.pack("<4Q2I", number, 0, 0, 0, 0, 0) + attributes

    def _attributes(self, path: bytes, _rest: bytes) -> bytes:
        return struct.pack("<QII", 0, 0, 0) + self._stat(path)

    def _open(self, path: bytes, _rest: bytes) -> bytes:
        os.lstat(self._real(path))
        return struct.pack("<QII", 0, 0, 0)

    def _read(self, path: bytes, rest: bytes) -> bytes:
        _, offset, size = struct.unpack_from("<QQI", rest)
        with open(self._real(path), "rb") as file:  # noqa: PTH123 - a name in bytes
            file.seek(offset)
            return file.read(size)

    def _list(self, path: bytes, rest: bytes) -> bytes:
        _, offset, size = struct.unpack_from("<QQI", rest)
        names = [] if self._fault.read_text() == "empty" else sorted(os.listdir(self._real(path)))  # noqa: PTH208 - names in bytes
        listed = b""
        for number, name in enumerate(names[offset:], offset + 1):
            entry = struct.pack("<QQII", number, number, len(name), 0) + name
            entry += bytes(-len(entry) % 8)
            if len(listed) + len(entry) > size:
                break
            listed += entry
        return listed


def main(folder: str, mount_point: str, fault: str) -> None:
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"mirror", os.fsencode(mount_point), b"fuse.mirror", 0, options):
        raise OSError(ctypes.get_errno(), "mount")
    Mirror(os.fsencode(folder), Path(fault)).serve(device)


if __name__ == "__main__":
    main(*sys.argv[1:])
