"""Decode processes that do what they are told instead of decoding, in the cage or behind one bar of it."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from errno import errorcode
from pathlib import Path
from types import MappingProxyType

from captiond.errors import NotAPicture
from captiond.imaging import cage, confining, kernel, landlock, seccomp
from captiond.imaging.limits import Limits
from captiond.model import Fit, PreparedImage
from imaging.attempts import ATTEMPTS, DONE, NEEDED, Attempt, Scene, open_all
from imaging.filtering import refusing

TESTS = Path(__file__).resolve().parent.parent


def behind_landlock() -> None:
    kernel.renounce_new_privileges()
    landlock.restrict()


def behind_seccomp() -> None:
    kernel.renounce_new_privileges()
    seccomp.restrict()


def behind_limits() -> None:
    kernel.drop_privileges()
    confining.limit_memory()
    confining.limit_the_rest()


BARS: dict[str, Callable[[], object]] = {
    "nothing": bool,
    "landlock": behind_landlock,
    "seccomp": behind_seccomp,
    "limits": behind_limits,
}


def outcome(attempt: Attempt, scene: Scene) -> str:
    """Give the name of the error, or `DONE`."""
    try:
        attempt(scene)
    except OSError as error:
        return errorcode.get(error.errno or 0, str(error))
    return DONE


def command(scene: Scene, without: Mapping[int, int] = MappingProxyType({})) -> tuple[str, ...]:
    """Start the decode process with a decoder that obeys; the kernel answers some calls with an error."""
    return _python("taken_over", json.dumps(asdict(scene)), json.dumps(list(without.items())))


def alone(bar: str, scene: Scene) -> tuple[str, ...]:
    """Start a process that has only this bar, makes every attempt, and prints what became of them."""
    return _python("try_behind", bar, json.dumps(asdict(scene)))


def _python(function: str, *arguments: str) -> tuple[str, ...]:
    program = (
        f"import sys; sys.path.insert(0, {str(TESTS)!r}); import imaging.taken_over as it; it.{function}()"
    )
    return (sys.executable, "-c", program, *arguments)


def taken_over() -> None:
    """Be the decode process, but do what a content says that is the name of an attempt."""
    scene, without = Scene(**json.loads(sys.argv[1])), dict(json.loads(sys.argv[2]))
    decode = vars(cage)["prepare"]
    open_all()

    def obey(content: bytes, fit: Fit, limits: Limits) -> PreparedImage:
        attempt = (ATTEMPTS | NEEDED).get(content.decode("latin-1"))
        if attempt is None:
            decoded: PreparedImage = decode(content, fit, limits)
            return decoded
        raise NotAPicture(outcome(attempt, scene))

    vars(cage)["prepare"] = obey
    if without:
        kernel.renounce_new_privileges()
        seccomp.install(refusing(without))
    cage.main()


def try_behind() -> None:
    """Make every attempt in a child of its own, lest one spoil the next."""
    bar, scene = sys.argv[1], Scene(**json.loads(sys.argv[2]))
    open_all()
    print(json.dumps({name: _outcome_in_child(bar, one, scene) for name, one in ATTEMPTS.items()}))  # noqa: T201


def _outcome_in_child(bar: str, attempt: Attempt, scene: Scene) -> str:
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        BARS[bar]()
        os.write(writing, outcome(attempt, scene).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        said = told.read()
    _, status = os.waitpid(child, 0)
    # a program that was run in its place says nothing
    return said or (DONE if status == 0 else f"status {status}")
