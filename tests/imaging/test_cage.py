"""The cage from inside: a decoder that a picture took over gets nowhere, and yet every picture is read."""

import json
import os
import re
import subprocess
from collections.abc import Collection, Iterator
from errno import EINVAL, ENOSYS, EOPNOTSUPP, EPERM
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from captiond.errors import Rejected
from captiond.imaging import landlock, seccomp
from captiond.imaging.bars import Bars
from captiond.imaging.canary import CANARY_JPEG
from captiond.imaging.preparing import prepare
from captiond.imaging.worker import Decoder
from captiond.model import PreparedImage
from imaging.attempts import (
    ATTEMPTS,
    DESCRIPTORS,
    DONE,
    FILES,
    LIMITS,
    NEEDED,
    NETWORK,
    ORDINARY,
    SIGNALS,
    SOCKETS,
    Scene,
    scenery,
)
from imaging.drawing import ALL, FIT, noise, quarters, saved
from imaging.taken_over import alone, command
from imaging.test_preparing import FORMATS, needs_extra, swapping_profile

pytestmark = pytest.mark.anyio


@pytest.fixture
def victim() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


@pytest.fixture
def scene(tmp_path: Path, victim: subprocess.Popen[bytes]) -> Iterator[Scene]:
    with scenery(tmp_path, victim.pid) as made:
        yield made


def seen(folder: str) -> dict[str, object]:
    """Give all that can be seen of the files in a folder, but when they were read."""
    stats = {path.name: path.stat() for path in Path(folder).iterdir()}
    return {
        name: (one.st_ino, one.st_mode, one.st_uid, one.st_size, one.st_mtime_ns, one.st_nlink)
        for name, one in stats.items()
    }


async def told(decoder: Decoder, attempt: str) -> str:
    with pytest.raises(Rejected) as refused:
        await decoder.prepare(attempt.encode(), FIT)
    return str(refused.value)


def need_all(bars: Bars) -> None:
    """Skip where this kernel has not every part of the cage, and say which."""
    if bars.gaps:
        pytest.skip(bars.sentence)


async def test_a_decoder_that_is_taken_over_is_refused_everything(scene: Scene) -> None:
    before = seen(scene.folder)
    async with Decoder(ALL, command=command(scene)) as decoder:
        need_all(await decoder.start())
        pid = decoder.pid
        outcomes = {attempt: await told(decoder, attempt) for attempt in ATTEMPTS}
        needed = {attempt: await told(decoder, attempt) for attempt in NEEDED}
        image = await decoder.prepare(CANARY_JPEG, FIT)
        assert decoder.pid == pid
    assert len(outcomes) > 40
    assert {
        attempt for attempt, said in outcomes.items() if said not in ("EPERM", "EACCES", "EMFILE")
    } == set()
    assert needed == dict.fromkeys(NEEDED, DONE)
    assert seen(scene.folder) == before
    assert image == prepare(CANARY_JPEG, FIT, ALL)


async def test_the_kernel_says_the_same() -> None:
    async with Decoder(ALL) as decoder:
        bars = await decoder.start()
        proc = Path(f"/proc/{decoder.pid}")
        status = dict(
            line.split(":\t") for line in (proc / "status").read_text().splitlines() if ":\t" in line
        )
        limits = re.findall(r"^Max (.+?)  +(\d+) +(\d+) ", (proc / "limits").read_text(), re.MULTILINE)
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2" if bars.seccomp else "0")
    if "privileges" not in bars.sentence:
        assert int(status["CapPrm"], 16) == int(status["CapEff"], 16) == 0
    assert {kind: (int(soft), int(hard)) for kind, soft, hard in limits}.items() >= {
        "open files": (0, 0),
        "file size": (0, 0),
        "core file size": (0, 0),
        "address space": (1536 * 1024 * 1024,) * 2,
        "cpu time": (14_400, 14_400),
    }.items()
    assert max(int(hard) for kind, _, hard in limits if kind == "processes") <= 4096


def behind(bar: str, scene: Scene) -> dict[str, str]:
    ended = subprocess.run(alone(bar, scene), check=False, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    outcomes: dict[str, str] = json.loads(ended.stdout)
    return outcomes


def refused(outcomes: dict[str, str]) -> set[str]:
    return {attempt for attempt, said in outcomes.items() if said in ("EPERM", "EACCES", "EMFILE")}


def test_without_a_cage_they_would_succeed(scene: Scene) -> None:
    outcomes = behind("nothing", scene)
    assert {name: said for name, said in outcomes.items() if name in ORDINARY and said != DONE} == {}


def test_landlock_alone_keeps_it_from_files_servers_and_signals(scene: Scene) -> None:
    need_landlock()
    before = seen(scene.folder)
    kept_from = FILES.keys() | NETWORK.keys() | {"run a program"} | SIGNALS.keys()
    assert refused(behind("landlock", scene)) >= kept_from
    assert seen(scene.folder).keys() == before.keys()


def need_landlock() -> None:
    try:
        known = landlock.version()
    except OSError as error:
        pytest.skip(landlock.why_missing(error))
    if landlock.gaps(known):
        pytest.skip("; ".join(landlock.gaps(known)))


def test_seccomp_alone_keeps_it_from_everything_but_descriptors(scene: Scene) -> None:
    before = seen(scene.folder)
    outcomes = behind("seccomp", scene)
    assert ATTEMPTS.keys() - refused(outcomes) <= {"dup", "pipe"}
    assert seen(scene.folder) == before


def test_limits_alone_keep_it_from_every_new_descriptor(scene: Scene) -> None:
    outcomes = behind("limits", scene)
    opening = {"read", "passwords", "home", "list", "overwrite", "append", "create", "openat2"}
    for attempt in opening | DESCRIPTORS.keys() | SOCKETS.keys() - {"connect to a Unix socket"}:
        assert (attempt, outcomes[attempt]) == (attempt, "EMFILE")
    assert refused(outcomes) >= LIMITS.keys() | {"mount", "chroot"}


LANDLOCK, SECCOMP = 444, 317 if seccomp.machine() == "x86_64" else 277


@pytest.mark.parametrize(
    ("calls", "gap"),
    [
        ({LANDLOCK: ENOSYS}, "no Landlock: this kernel has none, or a container forbids it"),
        ({LANDLOCK: EOPNOTSUPP}, "no Landlock: it is switched off in this kernel"),
        ({LANDLOCK: EPERM}, "no Landlock: Operation not permitted"),
        ({SECCOMP: EINVAL}, "no seccomp: Invalid argument"),
        ({LANDLOCK: EPERM, SECCOMP: EPERM}, "no seccomp: Operation not permitted"),
    ],
)
async def test_what_this_kernel_has_not_is_left_out_and_told(
    scene: Scene, calls: dict[int, int], gap: str
) -> None:
    async with Decoder(ALL, command=command(scene, without=calls)) as decoder:
        bars = await decoder.start()
        image = await decoder.prepare(CANARY_JPEG, FIT)
    assert gap in bars.gaps
    assert gap in bars.sentence
    assert (bars.landlock_abi == 0, bars.seccomp) == (LANDLOCK in calls, SECCOMP not in calls)
    assert image == prepare(CANARY_JPEG, FIT, ALL)


async def test_without_landlock_the_rest_still_refuses_everything(scene: Scene) -> None:
    await stays_refused(scene, {LANDLOCK: ENOSYS}, ATTEMPTS.keys())


async def test_without_seccomp_the_rest_still_refuses_files_network_and_signals(scene: Scene) -> None:
    need_landlock()
    await stays_refused(
        scene, {SECCOMP: EINVAL}, FILES.keys() | NETWORK.keys() | SIGNALS.keys() | DESCRIPTORS.keys()
    )


async def stays_refused(scene: Scene, without: dict[int, int], attempts: Collection[str]) -> None:
    before = seen(scene.folder)
    async with Decoder(ALL, command=command(scene, without)) as decoder:
        outcomes = {attempt: await told(decoder, attempt) for attempt in attempts}
    assert set(attempts) - refused(outcomes) == set()
    assert seen(scene.folder) == before


async def test_a_service_that_forbids_giving_up_privileges_leaves_them_and_tells(scene: Scene) -> None:
    capset = 126 if seccomp.machine() == "x86_64" else 91
    async with Decoder(ALL, command=command(scene, {capset: EPERM})) as decoder:
        bars = await decoder.start()
    assert ("privileges stay: Operation not permitted" in bars.gaps) == (os.geteuid() == 0)


def test_the_cage_is_told_in_a_sentence() -> None:
    whole = "The decode process is held by Landlock (version 7), seccomp and limits on resources."
    assert Bars(7, seccomp=True).sentence == whole
    gaps = ("no Landlock: it is switched off in this kernel", "no seccomp: Invalid argument")
    assert Bars(0, seccomp=False, gaps=gaps).sentence == (
        "The decode process is held by limits on resources; "
        "no Landlock: it is switched off in this kernel and no seccomp: Invalid argument."
    )


def test_an_old_landlock_says_what_it_does_not_know() -> None:
    assert [len(landlock.gaps(known)) for known in (1, 2, 3, 4, 5, 6, 7, 9)] == [3, 3, 2, 1, 1, 0, 0, 0]
    assert landlock.gaps(5) == ("Landlock 5 is old: it does not know signals",)


# ── and yet it reads pictures ──


def frames() -> dict[str, Any]:
    return {"save_all": True, "append_images": [quarters().rotate(angle) for angle in (90, 180)]}


def pictures() -> Iterator[tuple[str, Image.Image, dict[str, Any]]]:
    """Draw what every format can hold: its name, a picture, and how to save it."""
    for name in FORMATS:
        yield name, quarters(1600, 1200), {}
        yield name, noise(), {}
    for name in ("GIF", "WEBP", "PNG", "AVIF", "TIFF"):
        yield name, quarters(), frames()
    for name in ("JPEG", "TIFF"):
        yield name, noise().convert("CMYK"), {}
    for name in ("JPEG", "PNG", "WEBP", "TIFF"):
        yield name, quarters(), {"icc_profile": swapping_profile()}
    for name in ("PNG", "TIFF"):
        yield name, Image.new("I;16", (64, 64), 30_000), {}
    for name in ("PNG", "WEBP", "AVIF", "HEIF"):
        yield name, noise().convert("RGBA"), {}
    yield "JPEG", noise(), {"progressive": True}
    yield "TIFF", noise(), {"compression": "tiff_deflate"}
    yield "TIFF", noise(), {"compression": "jpeg"}


async def outcome(decoder: Decoder, content: bytes) -> PreparedImage | str:
    """Give what the decode process makes of a picture, or why it does not."""
    try:
        return await decoder.prepare(content, FIT)
    except Rejected as rejection:
        return f"{type(rejection).__name__}: {rejection}"


def outcome_here(content: bytes) -> PreparedImage | str:
    try:
        return prepare(content, FIT, ALL)
    except Rejected as rejection:
        return f"{type(rejection).__name__}: {rejection}"


@pytest.mark.parametrize("name", FORMATS)
async def test_every_format_is_read_in_the_cage_as_outside(name: str) -> None:
    needs_extra(name)
    contents = [saved(picture, one, **options) for one, picture, options in pictures() if one == name]
    contents += [contents[0][: len(contents[0]) // 2], b"".join([contents[0][:900], bytes(3000)])]
    async with Decoder(ALL) as decoder:
        pid = decoder.pid
        for content in contents:
            assert await outcome(decoder, content) == outcome_here(content)
        assert decoder.pid == pid
