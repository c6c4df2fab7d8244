"""What must hold after any crash: the catalogue is whole, and the sidecars tell what it tells.

Each function gives sentences about what is wrong, so that thousands of crashes can be counted before a test
fails; none are wanted.
"""

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from jsonschema import Draft202012Validator

from captiond import __version__
from captiond.catalogue import queries
from captiond.catalogue.database import asking
from captiond.catalogue.places import inbox_file_from
from captiond.catalogue.tables import files as file_rows
from captiond.sidecars import render
from captiond.sidecars.document import SidecarUnreadable
from captiond.sidecars.reading import parse

SIDECAR = ".captiond.json"
MOST_TOLD = 20
IN_SIGHT = (file_rows.c.state == "known") & file_rows.c.absent_since.is_(None)
TWICE = """
SELECT photo_id, prompt, count(*), sum(current) FROM results WHERE status <> 'rejected'
GROUP BY photo_id, prompt HAVING count(*) > 1 OR sum(current) <> 1
"""


def unsound(catalogue: Path) -> Iterator[str]:
    """Look for what may never be, not even after a crash: half a write, or a result that is there twice.

    It looks at a copy, for reading rolls back what a crash left half done.
    """
    with tempfile.TemporaryDirectory() as folder:
        for path in catalogue.parent.glob(f"{catalogue.name}*"):
            if path.is_file() and not path.name.endswith("-shm"):
                shutil.copyfile(path, Path(folder, path.name))
        with closing(sqlite3.connect(Path(folder, catalogue.name))) as connection:
            yield from _unsound(connection)


def _unsound(connection: sqlite3.Connection) -> Iterator[str]:
    yield from (f"integrity: {row}" for row in connection.execute("PRAGMA integrity_check") if row != ("ok",))
    yield from (f"no parent: {row}" for row in connection.execute("PRAGMA foreign_key_check"))
    if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'results'").fetchone():
        yield from (f"not once: {row}" for row in connection.execute(TWICE))


def torn(*folders: Path) -> Iterator[str]:
    """Look for sidecars that are not whole."""
    schema = json.loads(files("captiond.sidecars").joinpath("sidecar.schema.json").read_text())
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    for folder in folders:
        for path in folder.rglob(f"*{SIDECAR}"):
            content = path.read_bytes()
            try:
                parse(content)
                validator.validate(json.loads(content))
            except (SidecarUnreadable, ValueError) as error:
                yield f"torn: {path.name}: {error}"


def unfinished(
    catalogue: Path, inbox: Path, prompts: Collection[str], version: str = __version__
) -> Iterator[str]:
    """Look for what is lost, doubled or left over where a clean run of that version has ended."""
    yield from unsound(catalogue)
    yield from torn(inbox, catalogue.parent / "sidecars")
    yield from _lost(catalogue, inbox, prompts)
    yield from _disagreeing(catalogue, inbox, version)
    own = {f"{catalogue.name}{ending}" for ending in ("", ".lock")}
    beside = {path.name for path in catalogue.parent.glob(f"{catalogue.name}*")}
    yield from (f"left over: {name}" for name in beside - own)
    yield from (f"left over: {path}" for path in inbox.parent.rglob(".captiond-*"))


def _lost(catalogue: Path, inbox: Path, prompts: Collection[str]) -> Iterator[str]:
    contents = {path: sha256(path.read_bytes()).hexdigest() for path in photos_in(inbox)}
    with closing(sqlite3.connect(f"{catalogue.as_uri()}?mode=ro", uri=True)) as connection:
        known = connection.execute(
            "SELECT CAST(path_bytes AS TEXT), sha256, photos.state, photos.reason FROM files "
            "JOIN photos ON photos.id = photo_id WHERE files.state = 'known' AND absent_since IS NULL"
        ).fetchall()
        answered = connection.execute(
            "SELECT sha256, prompt FROM results JOIN photos ON photos.id = photo_id WHERE current = 1"
        ).fetchall()
        jobs = connection.execute(
            "SELECT prompt, jobs.state, error FROM jobs JOIN files USING (photo_id) "
            "WHERE files.state = 'known' AND absent_since IS NULL"
        ).fetchall()
    held = {Path(path): digest for path, digest, _state, _reason in known}
    yield from (f"not as it is: {path.name}" for path in contents if held.get(path) != contents[path])
    yield from (f"not there: {path.name}" for path in held.keys() - contents.keys())
    yield from (f"{state}: {path}: {reason}" for path, _, state, reason in known if state != "done")
    wanted = {(digest, prompt) for digest in contents.values() for prompt in prompts}
    yield from (f"lost: {prompt} of {digest}" for digest, prompt in wanted - set(answered))
    yield from (f"open: {job}" for job in jobs)


def _disagreeing(catalogue: Path, inbox: Path, version: str) -> Iterator[str]:
    """Compare each file's sidecar with what the catalogue would write now."""
    elsewhere = catalogue.parent / "sidecars" / inbox.relative_to("/")
    with asking(catalogue) as connection:
        for row in connection.execute(file_rows.select().where(IN_SIGHT)).all():
            file = inbox_file_from(row)
            content = render(queries.entry(connection, row.photo_id), file, version)
            beside = file.path.with_name(file.path.name + SIDECAR)
            places = [beside, elsewhere / beside.relative_to(inbox)]
            told = [place.read_bytes() for place in places if place.exists()]
            if not told:
                yield f"no sidecar: {row.path}"
            elif any(one != content for one in told):
                yield f"another sidecar: {row.path}"
            if row.sidecar_dirty or row.sidecar_reason or row.sidecar_sha256 != sha256(content).hexdigest():
                yield f"not noted: {row.path}: {row.sidecar_dirty} {row.sidecar_reason} {row.sidecar_sha256}"


def told(wrong: Sequence[str]) -> str:
    """Tell how much is wrong, and the first of it."""
    return "\n".join([f"{len(wrong)} wrong:", *wrong[:MOST_TOLD]])


def photos_in(inbox: Path) -> list[Path]:
    return [path for path in inbox.rglob("*.jpg") if path.is_file()]
