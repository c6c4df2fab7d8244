"""What a decoder might try that a picture has taken over (`taken_over.py` has it do so).

An attempt raises OSError where it is refused, and returns where it is not. All that they need is imported and
opened before the cage closes.
"""

import ctypes
import mmap
import os
import resource
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EPERM
from functools import cache
from pathlib import Path

from captiond.imaging import kernel, seccomp
from captiond.imaging.canary import CANARY_JPEG
from captiond.imaging.system_calls import FORBIDDEN

TESTS = Path(__file__).resolve().parent.parent
HOME = Path.home()
DONE = "done"

PTRACE_ATTACH, PTRACE_DETACH = 16, 17
CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
IPC_PRIVATE, IPC_RMID, IPC_CREAT = 0, 0, 0o1000
X32 = 0x40000000


@dataclass(frozen=True)
class Scene:
    """Whom to harm: the files of a folder, a process, and two servers."""

    folder: str
    victim: int
    tcp_port: int
    unix_path: str

    def file(self, attempt: str) -> Path:
        """Give the file that is there for one attempt."""
        return Path(self.folder, f"{attempt}.jpg")


Attempt = Callable[[Scene], object]


@cache
def tcp() -> socket.socket:
    return socket.socket()


@cache
def tcp_server() -> socket.socket:
    return socket.socket()


@cache
def unix() -> socket.socket:
    return socket.socket(socket.AF_UNIX)


@cache
def libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def raw(name: str, *arguments: int | bytes | None) -> int:
    """Make a system call, past the C library."""
    column, _ = seccomp.MACHINES[seccomp.machine()]
    number = FORBIDDEN[name][column]
    assert number is not None
    return kernel.call(number, *arguments)


def from_libc(name: str, *arguments: object) -> int:
    result = int(getattr(libc(), name)(*arguments))
    if result == -1:
        raise OSError(ctypes.get_errno(), name)
    return result


def fork() -> None:
    if os.fork() == 0:
        os._exit(0)
    os.wait()


def mount(scene: Scene) -> None:
    place = os.fsencode(scene.folder) + b"\0"
    raw("mount", b"none\0", place, b"tmpfs\0", 0, None)
    raw("umount2", place, 0)


def trace(scene: Scene) -> None:
    from_libc("ptrace", PTRACE_ATTACH, scene.victim, None, None)
    os.waitpid(scene.victim, 0)
    from_libc("ptrace", PTRACE_DETACH, scene.victim, None, None)


def share_memory() -> None:
    segment = from_libc("shmget", IPC_PRIVATE, 4096, IPC_CREAT | 0o600)
    from_libc("shmctl", segment, IPC_RMID, None)


def raise_limit(kind: int, most: int) -> None:
    try:
        resource.setrlimit(kind, (most, most))
    except ValueError as error:
        raise PermissionError(EPERM, str(error)) from None


def written_by_openat2(path: Path) -> int:
    how = (os.O_WRONLY | os.O_CREAT).to_bytes(8, "little") + (0o600).to_bytes(8, "little") + bytes(8)
    return raw("openat2", -100, os.fsencode(path) + b"\0", how, len(how))


def start_thread() -> None:
    thread = threading.Thread(target=os.getpid)
    thread.start()
    thread.join()


FILES: dict[str, Attempt] = {
    "read": lambda scene: scene.file("read").read_bytes(),
    "passwords": lambda _: Path("/etc/passwd").read_bytes(),
    "home": lambda _: list(HOME.iterdir()),
    "list": lambda scene: list(Path(scene.folder).iterdir()),
    "overwrite": lambda scene: scene.file("overwrite").open("r+b").write(b"mine"),
    "append": lambda scene: scene.file("append").open("ab").write(b"mine"),
    "create": lambda scene: Path(scene.folder, "new").write_text("mine"),
    "openat2": lambda scene: written_by_openat2(Path(scene.folder, "newer")),
    "unlink": lambda scene: scene.file("unlink").unlink(),
    "rename": lambda scene: scene.file("rename").rename(Path(scene.folder, "mine")),
    "truncate": lambda scene: os.truncate(scene.file("truncate"), 0),
    "link": lambda scene: os.link(scene.file("link"), Path(scene.folder, "hard")),
    "symlink": lambda scene: Path(scene.folder, "soft").symlink_to("/etc"),
    "mkdir": lambda scene: Path(scene.folder, "folder").mkdir(),
    "fifo": lambda scene: os.mkfifo(Path(scene.folder, "fifo")),
}
METADATA: dict[str, Attempt] = {
    "chmod": lambda scene: scene.file("chmod").chmod(0o777),
    "chown": lambda scene: os.chown(scene.file("chown"), os.getuid(), os.getgid()),
    "utime": lambda scene: os.utime(scene.file("utime"), (0, 0)),
}
NETWORK: dict[str, Attempt] = {
    "connect by TCP": lambda scene: tcp().connect(("127.0.0.1", scene.tcp_port)),
    "bind": lambda _: tcp_server().bind(("127.0.0.1", 0)),
}
SOCKETS: dict[str, Attempt] = {
    "connect to a Unix socket": lambda scene: unix().connect(scene.unix_path),
    "TCP socket": lambda _: socket.socket(),
    "UDP socket": lambda _: socket.socket(type=socket.SOCK_DGRAM),
    "Unix socket": lambda _: socket.socket(socket.AF_UNIX),
}
SIGNALS: dict[str, Attempt] = {
    "kill somebody": lambda scene: os.kill(scene.victim, signal.SIGCONT),
    "kill the parent": lambda _: os.kill(os.getppid(), 0),
}
PROCESSES: dict[str, Attempt] = {
    "fork": lambda _: fork(),
    "run a program": lambda _: os.execv("/bin/true", ["true"]),
    "find a process": lambda scene: raw("pidfd_open", scene.victim, 0),
}
MEMORY: dict[str, Attempt] = {
    "memory to run": lambda _: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC),
    "shared memory": lambda _: share_memory(),
    "outlive the daemon": lambda _: from_libc("prctl", PR_SET_PDEATHSIG, 0, 0, 0, 0),
}
DESCRIPTORS: dict[str, Attempt] = {
    "memory as a file": lambda _: os.memfd_create("mine"),
    "pipe": lambda _: os.pipe(),
    "dup": lambda _: from_libc("dup", 0),
}
LIMITS: dict[str, Attempt] = {
    "more memory": lambda _: raise_limit(resource.RLIMIT_AS, resource.RLIM_INFINITY),
    "more descriptors": lambda _: raise_limit(resource.RLIMIT_NOFILE, 1 << 19),
}
RARE: dict[str, Attempt] = {
    "trace": trace,
    "read memory": lambda scene: raw("process_vm_readv", scene.victim, None, 0, None, 0, 0),
    "mount": mount,
    "chroot": lambda scene: os.chroot(scene.folder),
    "namespace": lambda _: raw("unshare", CLONE_NEWUSER),
    "bpf": lambda _: raw("bpf", 0, bytes(128), 128),
    "io_uring": lambda _: raw("io_uring_setup", 1, bytes(120)),
    "userfaultfd": lambda _: raw("userfaultfd", os.O_CLOEXEC),
    "perf": lambda _: raw("perf_event_open", bytes(128), 0, -1, -1, 0),
    "keyring": lambda _: raw("keyctl", 0, -1, 0),
    "become root": lambda _: os.setuid(0),
    "limits of the parent": lambda _: resource.prlimit(os.getppid(), resource.RLIMIT_CORE, (0, 0)),
    "the other numbers": lambda scene: kernel.call(X32 + 2, os.fsencode(scene.folder) + b"\0", 0, 0),
}
ORDINARY: dict[str, Attempt] = {
    **(FILES | METADATA | NETWORK | SOCKETS | SIGNALS | PROCESSES | MEMORY | DESCRIPTORS)
}
"""What any program may do that is in no cage."""

ATTEMPTS: dict[str, Attempt] = ORDINARY | LIMITS | RARE

NEEDED: dict[str, Attempt] = {
    "thread": lambda _: start_thread(),
    "name a thread": lambda _: from_libc("prctl", PR_SET_NAME, b"decoder\0", 0, 0, 0),
    "randomness": lambda _: os.urandom(16),
    "memory": lambda _: bytearray(200 * 1024 * 1024),
    "processors": lambda _: os.sched_getaffinity(0),
}
"""What libraries do that decode pictures."""


def open_all() -> None:
    """Open what the attempts need, while that is possible."""
    for prepared in (tcp, tcp_server, unix, libc):
        prepared()


@contextmanager
def scenery(folder: Path, victim: int) -> Iterator[Scene]:
    """Make the files and the servers of a scene."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        path = folder / "socket"
        local.bind(str(path))
        local.listen(64)
        scene = Scene(str(folder), victim, server.getsockname()[1], str(path))
        for name in ATTEMPTS:
            scene.file(name).write_bytes(CANARY_JPEG)
        yield scene
