import base64
import contextlib
import dataclasses
import hashlib
import json
import os
import random
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from captiond.errors import DiskFull
from captiond.model import (
    Answer,
    Digest,
    Entry,
    FileStamp,
    InboxFile,
    Json,
    ModelIdentity,
    PictureFacts,
    PromptName,
    Result,
    Source,
    Status,
)
from captiond.sidecars import (
    Conflict,
    SidecarPlace,
    SidecarUnreadable,
    SidecarUnwritable,
    Unchanged,
    Written,
    parse,
    remove_leftovers,
    render,
    sidecar_path,
    write,
)

INBOX = Path("/srv/photos")
BESIDE = SidecarPlace("beside")
OLD = json.dumps({"schema": "urn:captiond:sidecar:v1", "words": "old " * 4000}).encode()
NEW = json.dumps({"schema": "urn:captiond:sidecar:v1", "words": "new " * 5000}).encode()
LLAVA = ModelIdentity("llava:13b", "sha256:0d0eb4d7f485", "llama", "13B", "Q4_0", "ollama 0.32.15")
MORNING = datetime(2026, 5, 1, 10, 4, 1, tzinfo=UTC)


def photo(name: str = "2024/IMG_2041.jpg") -> InboxFile:
    return InboxFile(INBOX, INBOX / name, FileStamp(1, 2, 3, 4, 5))


def answered(prompt: str, answer: Answer, **changes: Json) -> Result:
    result = Result(PromptName(prompt), "5b1e0c97ad42", Source.MODEL, answer, MORNING, None, LLAVA, "stop")
    return dataclasses.replace(result, seconds=2.31, prompt_tokens=2954, output_tokens=31, **changes)


ELEPHANT = Entry(
    digest=Digest("87" * 32),
    size_bytes=3412876,
    facts=PictureFacts("JPEG", 4000, 3000, "2024-07-14T16:21:09+02:00", "Pixel 8"),
    state="done",
    reason=None,
    results=(
        answered("description", Answer(Status.OK, "An elephant beside a yellow road sign.", language="en")),
        answered("objects", Answer(Status.OK, "elephant, road sign", ["elephant", "road sign"])),
        answered("ocr", Answer(Status.OK, "Attention !\nÉléphants en liberté", language="fr")),
        answered(
            "translation",
            Answer(Status.OK, "Caution!\nElephants roaming free", language="en"),
            from_prompt=PromptName("ocr"),
        ),
        answered("mood", Answer(Status.OK, "calm"), source=Source.HUMAN, model=None, finish=None),
    ),
)


def rendered(entry: Entry = ELEPHANT, name: str = "2024/IMG_2041.jpg") -> Json:
    return json.loads(render(entry, photo(name), "0.4.0"))


def schema() -> Json:
    return json.loads(files("captiond").joinpath("sidecar.schema.json").read_bytes())


def closed(part: Json) -> Json:
    """Forbid every key that the schema does not describe."""
    if isinstance(part, list):
        return [closed(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    described = {key: closed(inner) for key, inner in part.items()}
    if "properties" in part and "type" in part:
        described.setdefault("additionalProperties", False)
    return described


def names_in(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class TestTheName:
    def test_keeps_the_extension_of_the_picture(self) -> None:
        assert sidecar_path(photo(), BESIDE) == INBOX / "2024/IMG_2041.jpg.captiond.json"

    def test_in_a_tree_lies_in_the_same_folders(self) -> None:
        tree = SidecarPlace("tree", Path("/var/tree"))

        assert sidecar_path(photo(), tree) == Path("/var/tree/2024/IMG_2041.jpg.captiond.json")

    def test_is_none_where_sidecars_are_off(self) -> None:
        assert sidecar_path(photo(), SidecarPlace("off")) is None

    @pytest.mark.parametrize(("name_bytes", "has_one"), [(241, True), (242, False)])
    def test_beside_the_picture_is_never_cut(self, name_bytes: int, has_one: bool) -> None:
        file = photo("é" * ((name_bytes - 5) // 2) + "x" * ((name_bytes - 5) % 2) + ".jpeg")

        assert (sidecar_path(file, BESIDE) is not None) is has_one

    def test_of_a_long_one_is_a_digest_in_the_fallback_tree(self) -> None:
        file = photo("2024/" + "n" * 250)

        path = sidecar_path(file, BESIDE, fallback=Path("/var/tree"))

        assert path == Path("/var/tree/2024") / (digest(b"n" * 250) + ".captiond.json")

    def test_of_a_photo_that_is_not_utf8_holds_the_same_bytes(self) -> None:
        path = sidecar_path(photo(os.fsdecode(b"caf\xe9.jpg")), BESIDE)

        assert path is not None
        assert os.fsencode(path.name) == b"caf\xe9.jpg.captiond.json"


class TestTheDocument:
    def test_gives_quick_readers_the_answers_alone(self) -> None:
        assert rendered()["summary"] == {
            "objects": ["elephant", "road sign"],
            "description": "An elephant beside a yellow road sign.",
            "text": "Attention !\nÉléphants en liberté",
            "text_language": "fr",
            "translation": "Caution!\nElephants roaming free",
            "translation_language": "en",
            "answers": {"mood": "calm"},
        }

    def test_says_of_each_answer_who_gave_it_and_when(self) -> None:
        assert rendered()["results"]["translation"] == {
            "status": "ok",
            "source": "model",
            "from": "ocr",
            "value": "Caution!\nElephants roaming free",
            "language": "en",
            "prompt_version": "5b1e0c97ad42",
            "model": {
                "name": "llava:13b",
                "digest": "sha256:0d0eb4d7f485",
                "family": "llama",
                "parameters": "13B",
                "quantization": "Q4_0",
                "server": "ollama 0.32.15",
            },
            "finish": "stop",
            "created_at": "2026-05-01T10:04:01Z",
            "timing": {"seconds": 2.31, "prompt_tokens": 2954, "output_tokens": 31},
        }

    def test_is_utf8_with_readable_letters_and_a_last_newline(self) -> None:
        content = render(ELEPHANT, photo(), "0.4.0")

        assert "Éléphants" in content.decode()
        assert content.endswith(b"\n}\n")

    def test_is_the_same_whatever_order_the_results_come_in(self) -> None:
        turned = dataclasses.replace(ELEPHANT, results=ELEPHANT.results[::-1])

        assert render(turned, photo(), "0.4.0") == render(ELEPHANT, photo(), "0.4.0")

    def test_says_null_where_there_is_no_text(self) -> None:
        entry = dataclasses.replace(ELEPHANT, results=(answered("ocr", Answer(Status.EMPTY)),))

        assert rendered(entry)["summary"] == {"text": None}

    def test_gives_a_skipped_prompt_its_reason_and_no_answer(self) -> None:
        skipped = Answer(Status.SKIPPED, reason="There is no text to translate.")
        document = rendered(dataclasses.replace(ELEPHANT, results=(answered("translation", skipped),)))

        assert document["summary"] == {}
        assert document["results"]["translation"]["reason"] == "There is no text to translate."

    def test_never_holds_a_rejected_reply(self) -> None:
        refused = answered("description", Answer(Status.REJECTED, "I cannot help with that."))

        assert rendered(dataclasses.replace(ELEPHANT, results=(refused,)))["results"] == {}

    def test_says_why_a_photo_is_not_done(self) -> None:
        entry = dataclasses.replace(ELEPHANT, state="failed", reason="The model repeated itself.")

        assert (rendered(entry)["state"], rendered(entry)["reason"]) == (
            "failed",
            "The model repeated itself.",
        )

    def test_never_says_where_the_picture_was_taken(self) -> None:
        facts = PictureFacts("JPEG", 40, 30, latitude=48.85837, longitude=2.29448)
        content = render(dataclasses.replace(ELEPHANT, facts=facts), photo(), "0.4.0")

        assert b"48.8" not in content
        assert b"2.29" not in content

    def test_keeps_the_exact_name_of_a_photo_that_is_not_utf8(self) -> None:
        image = rendered(name=os.fsdecode(b"caf\xe9.jpg"))["image"]

        assert image["file"] == "caf\\xe9.jpg"
        assert base64.b64decode(image["file_base64"]) == b"caf\xe9.jpg"

    def test_survives_a_lone_surrogate(self) -> None:
        broken = answered("description", Answer(Status.OK, "half \ud83d of an emoji"))
        document = rendered(dataclasses.replace(ELEPHANT, results=(broken,)))

        assert document["summary"]["description"] == "half \ufffd of an emoji"


LETTERS = st.text(st.characters(), max_size=30)  # with control characters and lone surrogates
MAYBE = st.none() | LETTERS
NUMBERS = st.none() | st.floats(0, 1e6)
TOKENS = st.none() | st.integers(0, 10**6)
STRUCTURES = st.recursive(
    st.lists(st.none() | st.booleans() | st.integers() | st.floats() | LETTERS, max_size=3),
    lambda inner: st.dictionaries(LETTERS, inner, max_size=3),
    max_leaves=5,
)
MODELS = st.none() | st.builds(ModelIdentity, LETTERS, LETTERS, MAYBE, MAYBE, MAYBE, MAYBE)


def answers(content: st.SearchStrategy[Json]) -> st.SearchStrategy[Answer]:
    return st.builds(Answer, st.sampled_from(Status), MAYBE, content, MAYBE, MAYBE, MAYBE)


def results(name: st.SearchStrategy[str], content: st.SearchStrategy[Json]) -> st.SearchStrategy[Result]:
    return st.builds(
        Result,
        name,
        LETTERS,
        st.sampled_from(Source),
        answers(content),
        st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # hypothesis adds the zone
        st.none() | st.just("ocr"),
        MODELS,
        MAYBE,
        NUMBERS,
        NUMBERS,
        TOKENS,
        TOKENS,
    )


RESULTS = st.one_of(
    results(st.just("objects"), st.none() | st.lists(LETTERS, max_size=3)),
    results(st.sampled_from(["description", "alt_text", "ocr", "translation"]), st.none()),
    results(st.from_regex("[a-z][a-z0-9_]{0,8}", fullmatch=True), st.none() | STRUCTURES),
)
FACTS = st.builds(
    PictureFacts,
    LETTERS.filter(bool),
    st.integers(0, 10**5),
    st.integers(0, 10**5),
    MAYBE,
    MAYBE,
    st.none() | st.floats(-90, 90),
)
ENTRIES = st.builds(
    Entry,
    st.binary(min_size=32, max_size=32).map(bytes.hex),
    st.integers(0, 2**40),
    st.none() | FACTS,
    st.sampled_from(["queued", "partial", "done", "failed", "unreadable"]),
    MAYBE,
    st.lists(RESULTS, max_size=5, unique_by=lambda result: result.prompt).map(tuple),
)
NAMES = st.binary(min_size=1, max_size=20).filter(
    lambda name: not {0, 47} & {*name} and name not in (b".", b"..")
)


class TestTheSchema:
    def test_is_a_schema(self) -> None:
        Draft202012Validator.check_schema(schema())

    def test_describes_every_key_of_a_full_sidecar(self) -> None:
        Draft202012Validator(closed(schema())).validate(rendered())

    def test_lets_readers_meet_keys_of_a_later_captiond(self) -> None:
        document = rendered() | {"later": 1}
        document["results"]["objects"]["later"] = 1

        Draft202012Validator(schema()).validate(document)

    @pytest.mark.parametrize("key", ["schema", "image", "results"])
    def test_refuses_a_sidecar_without(self, key: str) -> None:
        document = {name: value for name, value in rendered().items() if name != key}

        assert not Draft202012Validator(schema()).is_valid(document)

    @given(ENTRIES, NAMES)
    @settings(max_examples=60, deadline=None)
    def test_holds_for_every_entry(self, entry: Entry, name: bytes) -> None:
        content = render(entry, photo(os.fsdecode(name)), "0.4.0")

        Draft202012Validator(closed(schema())).validate(json.loads(content.decode("utf-8", "strict")))


class TestReadingBack:
    def test_gives_the_entry(self) -> None:
        assert parse(render(ELEPHANT, photo(), "0.4.0")) == ELEPHANT

    @given(ENTRIES)
    @settings(max_examples=60, deadline=None)
    def test_loses_nothing_that_was_written(self, entry: Entry) -> None:
        content = render(entry, photo(), "0.4.0")

        assert render(parse(content), photo(), "0.4.0") == content

    def test_takes_an_edit_made_by_hand(self) -> None:
        document = rendered()
        document["results"]["description"] |= {"value": "Two elephants.", "source": "human"}

        read = {result.prompt: result for result in parse(json.dumps(document).encode()).results}

        assert read[PromptName("description")].answer.value == "Two elephants."

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\xff\xfe",
            b"[]",
            b"{}",
            b"[" * 100_000,
            b'{"schema": "urn:captiond:sidecar:v2"}',
            b'{"schema": "urn:captiond:sidecar:v1"}',
        ],
    )
    def test_refuses_what_is_no_sidecar(self, content: bytes) -> None:
        with pytest.raises(SidecarUnreadable):
            parse(content)

    @pytest.mark.parametrize(
        ("place", "wrong"),
        [
            (("image", "sha256"), "zz"),
            (("image", "width"), "wide"),
            (("image",), []),
            (("results",), []),
            (("results", "ocr"), 7),
            (("results", "ocr", "status"), "fine"),
            (("results", "ocr", "language"), ["fr"]),
            (("results", "ocr", "created_at"), "2026-05-01T10:04:01"),
            (("results", "ocr", "model"), {"name": "llava"}),
            (("results", "ocr", "timing"), {"seconds": "two"}),
        ],
    )
    def test_refuses_a_damaged_sidecar(self, place: tuple[str, ...], wrong: Json) -> None:
        document = rendered()
        inner = document
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = wrong

        with pytest.raises(SidecarUnreadable):
            parse(json.dumps(document).encode())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "IMG_2041.jpg.captiond.json"


class TestWriting:
    def test_puts_the_file_there_for_its_owner_alone(self, path: Path) -> None:
        assert write(path, NEW, known_sha256=None) == Written(digest(NEW))
        assert path.read_bytes() == NEW
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_leaves_no_other_file(self, path: Path) -> None:
        write(path, NEW, known_sha256=None)

        assert names_in(path.parent) == {path.name}

    def test_replaces_what_was_written_last_and_keeps_its_mode(self, path: Path) -> None:
        write(path, OLD, known_sha256=None)
        path.chmod(0o644)

        assert write(path, NEW, known_sha256=digest(OLD)) == Written(digest(NEW))
        assert stat.S_IMODE(path.stat().st_mode) == 0o644

    @pytest.mark.parametrize("known_sha256", [None, digest(NEW), digest(OLD)])
    def test_does_not_touch_a_file_that_holds_the_same(self, path: Path, known_sha256: str | None) -> None:
        path.write_bytes(NEW)
        before = path.stat()

        assert write(path, NEW, known_sha256=known_sha256) == Unchanged(digest(NEW))
        assert path.stat() == before

    def test_leaves_an_edited_sidecar_as_it_is(self, path: Path) -> None:
        path.write_bytes(OLD.replace(b"old", b"our", 1))

        outcome = write(path, NEW, known_sha256=digest(OLD))

        assert isinstance(outcome, Conflict)
        assert "edited by hand" in outcome.reason
        assert b"our" in path.read_bytes()

    def test_leaves_the_sidecar_of_another_catalogue_as_it_is(self, path: Path) -> None:
        path.write_bytes(OLD)

        outcome = write(path, NEW, known_sha256=None)

        assert isinstance(outcome, Conflict)
        assert "captiond import" in outcome.reason

    @pytest.mark.parametrize(
        "foreign", [b"", b"{}", b"[1]", b"not json", b'{"schema": "other"}', b"[" * 9999]
    )
    def test_leaves_a_foreign_file_as_it_is(self, path: Path, foreign: bytes) -> None:
        path.write_bytes(foreign)

        outcome = write(path, NEW, known_sha256=digest(OLD))

        assert isinstance(outcome, Conflict)
        assert path.read_bytes() == foreign

    def test_never_follows_a_link(self, path: Path, tmp_path: Path) -> None:
        original = tmp_path / "original"
        original.write_bytes(OLD)
        path.symlink_to(original)

        assert isinstance(write(path, NEW, known_sha256=digest(OLD)), Conflict)
        assert original.read_bytes() == OLD

    @pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
    def test_never_waits_for_or_replaces_something_that_is_no_file(self, path: Path, make: Json) -> None:
        make(path)

        assert isinstance(write(path, NEW, known_sha256=None), Conflict)

    def test_makes_the_folders_of_the_tree(self, tmp_path: Path) -> None:
        path = tmp_path / "2024" / "july" / "a.jpg.captiond.json"

        assert isinstance(write(path, NEW, known_sha256=None, tree=tmp_path), Written)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700

    def test_does_not_make_a_tree_whose_disk_is_away(self, tmp_path: Path) -> None:
        tree = tmp_path / "unmounted"

        with pytest.raises(SidecarUnwritable):
            write(tree / "a.jpg.captiond.json", NEW, known_sha256=None, tree=tree)
        assert not tree.exists()

    def test_says_that_a_folder_is_gone(self, tmp_path: Path) -> None:
        with pytest.raises(SidecarUnwritable, match="No such file or directory"):
            write(tmp_path / "gone" / "a.jpg.captiond.json", NEW, known_sha256=None)

    def test_says_that_a_folder_may_not_be_written(self) -> None:
        with (
            forbidden_folder() as folder,
            pytest.raises(SidecarUnwritable, match=r"Permission denied.*sidecars = "),
        ):
            write(folder / "a.jpg.captiond.json", NEW, known_sha256=None)

    def test_writes_names_for_people_without_control_characters(self, tmp_path: Path) -> None:
        name = os.fsdecode(b"\x1b[31m\xff\n.jpg.captiond.json")
        (tmp_path / name).write_bytes(b"{}")

        outcome = write(tmp_path / name, NEW, known_sha256=None)

        assert isinstance(outcome, Conflict)
        assert r"\x1b[31m\xff\n.jpg" in outcome.reason

    def test_only_own_leftovers_are_removed(self, tmp_path: Path) -> None:
        (tmp_path / ".captiond-0123456789abcdef.part").touch()
        (tmp_path / ".captiond-mine.part").touch()

        assert remove_leftovers(tmp_path) == 1
        assert names_in(tmp_path) == {".captiond-mine.part"}


@contextlib.contextmanager
def forbidden_folder() -> Iterator[Path]:
    """Give a folder that this process may read but not write, even where it is root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        if os.geteuid() == 0:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if os.getuid() == 0:
                os.seteuid(0)
            folder.chmod(0o700)


WRITER = """
import pathlib, sys, hashlib
from captiond.sidecars import write
path = pathlib.Path(sys.argv[1])
pair = [pathlib.Path(name).read_bytes() for name in sys.argv[2:]]
known = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None
turn = 0 if known == hashlib.sha256(pair[1]).hexdigest() else 1
print("ready", flush=True)
while True:
    known = write(path, pair[turn], known_sha256=known).sha256
    turn = 1 - turn
"""


def kill_a_writer(path: Path, seconds: float) -> None:
    contents = [path.parent.parent / name for name in ("old", "new")]
    with subprocess.Popen([sys.executable, "-c", WRITER, path, *contents], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        # Real time: where in a real write the kill falls is what is left to chance here.
        time.sleep(seconds)
        assert writer.poll() is None
        writer.send_signal(signal.SIGKILL)


def check_kills(tmp_path: Path, kills: int) -> None:
    (tmp_path / "old").write_bytes(OLD)
    (tmp_path / "new").write_bytes(NEW)
    folder = tmp_path / "inbox"
    folder.mkdir()
    path = folder / "a.jpg.captiond.json"
    for _ in range(kills):
        kill_a_writer(path, random.uniform(0, 0.02))
        remove_leftovers(folder)
        assert not path.exists() or path.read_bytes() in (OLD, NEW)
        assert names_in(folder) <= {path.name}


class TestCrashes:
    def test_a_killed_writer_leaves_the_old_file_or_the_new_one(self, tmp_path: Path) -> None:
        check_kills(tmp_path, 6)

    @pytest.mark.slow
    def test_three_hundred_killed_writers_leave_whole_files(self, tmp_path: Path) -> None:
        check_kills(tmp_path, 300)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("needs to be root to mount a small disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.root
class TestAFullDisk:
    def test_leaves_the_old_file_whole_and_nothing_else(self, small_disk: Path) -> None:
        path = small_disk / "a.jpg.captiond.json"
        write(path, OLD, known_sha256=None)

        with pytest.raises(DiskFull, match="No space left on device"):
            write(path, NEW * 4, known_sha256=digest(OLD))

        assert path.read_bytes() == OLD
        assert names_in(small_disk) == {path.name}

    def test_that_is_read_only_leaves_the_old_file_whole(self, small_disk: Path) -> None:
        path = small_disk / "a.jpg.captiond.json"
        write(path, OLD, known_sha256=None)
        subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)

        with pytest.raises(DiskFull, match="Read-only file system"):
            write(path, NEW, known_sha256=digest(OLD))

        assert path.read_bytes() == OLD
