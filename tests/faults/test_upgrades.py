"""A captiond that dies while it upgrades a catalogue leaves the old one or the new one, from every schema."""

import os
import random
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from acceptance.conftest import Command
from captiond.catalogue.database import close_for_readers, open_to_write
from captiond.catalogue.migrating import migrations_folder
from captiond.catalogue.opening import SCHEMA_VERSION, journal_path
from captiond.catalogue.verifying import faults
from catalogue.planting import NOW
from starting import Starter, starter

from .agreement import told
from .conftest import Measured
from .tracing import ended, why_not

FIRST = Path(__file__).parent.parent / "catalogue" / "schema_0001.sql"
OLDER = range(1, SCHEMA_VERSION)
LASTING = "write,pwrite64,fsync,fdatasync,ftruncate,fallocate,fchmod,rename,unlink,close"
"""Between two of these a death leaves the same disk."""
CALL = re.compile(r"\d+ +(\w+)\(")
REFUSED = 1
"""How an import ends that reads no sidecar."""
SPREAD = 3
SEED = 4
NOBODY = "http://127.0.0.1:9"
TRACED = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

Dump = list[tuple[object, ...]]


@dataclass
class Case:
    """An old catalogue in a folder of its own, and what runs captiond on it."""

    root: Path
    version: int
    starter: Starter

    def __post_init__(self) -> None:
        for folder in (self.catalogue.parent, self.nothing):
            folder.mkdir(parents=True)
        (self.nothing / "photo.jpg.captiond.json").write_text("{}")
        make_old(self.kept, self.version)
        self.old = dump(self.kept)
        shutil.copyfile(self.kept, self.root / "new.db")
        close_for_readers(open_to_write(self.root / "new.db", NOW))
        self.new = dump(self.root / "new.db")

    @property
    def catalogue(self) -> Path:
        return self.root / "state" / "catalogue.db"

    @property
    def kept(self) -> Path:
        return self.root / "old.db"

    @property
    def nothing(self) -> Path:
        """A folder with a sidecar that is refused: who imports it changes nothing but the schema."""
        return self.root / "nothing"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def kept_beside(self) -> bool:
        """Whether the old catalogue lies whole beside the new one; what broke off may lie there, too."""
        copies = self.catalogue.parent.glob(f"{self.catalogue.name}.schema-*.backup")
        return any(dump(copy) == self.old for copy in copies if not journal_path(copy).exists())

    def begin(self) -> None:
        """Put the old catalogue back, alone."""
        shutil.rmtree(self.catalogue.parent)
        self.catalogue.parent.mkdir()
        shutil.copyfile(self.kept, self.catalogue)

    def start(self, *arguments: object, traced: bool = False) -> int:
        environment = Command(self.root, self.catalogue, NOBODY).environment
        return self.starter.start(arguments, environment, self.log, traced=traced)

    def upgrade(self) -> int:
        self.start("import", self.nothing)
        return self.starter.wait()

    def upgrade_traced(self, *options: str) -> int | None:
        process = self.start("import", self.nothing, traced=True)
        return ended(self.starter, process, *options, trace=self.root / "trace")


def make_old(path: Path, version: int) -> None:
    """Make a catalogue of an older schema, in which everything has happened once."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(FIRST.read_text())
    engine = create_engine(f"sqlite:///{path}")
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, f"{version:04}")
    engine.dispose()


def dump(path: Path) -> Dump:
    """Give all that a catalogue holds: what makes it, and all rows of all tables."""
    with closing(sqlite3.connect(path)) as connection:
        made = connection.execute(
            "SELECT type, name, sql FROM sqlite_schema WHERE name <> 'sqlite_stat1' ORDER BY type, name"
        ).fetchall()
        rows = [
            (name, *row)
            for kind, name, _ in made
            if kind == "table"
            for row in connection.execute(f'SELECT * FROM "{name}"')
        ]
        return [
            *made,
            *rows,
            *connection.execute("PRAGMA user_version"),
            *connection.execute("PRAGMA integrity_check"),
        ]


@pytest.fixture(params=OLDER, ids=lambda version: f"from {version}")
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    with starter() as starting:
        yield Case(tmp_path / "case", request.param, starting)


def places(case: Case) -> list[tuple[str, int]]:
    """Record an upgrade: every call that may be its last one."""
    case.begin()
    assert case.upgrade_traced(f"--trace={LASTING}") == REFUSED, case.log.read_text()
    calls = Counter(CALL.findall((case.root / "trace").read_text()))
    assert calls["pwrite64"] > 20
    return [(call, 1 + number) for call, count in sorted(calls.items()) for number in range(count)]


def wrong_after(case: Case, call: str, number: int) -> Iterator[str]:
    """Kill an upgrade at a call, and say what is neither old nor new, then or after the next start."""
    case.begin()
    case.upgrade_traced(f"--trace={call}", f"--inject={call}:signal=KILL:when={number}")
    left = copied(case, case.root / "left")
    if left not in (case.old, case.new):
        yield "it is neither the old one nor the new one"
    if left == case.new and not case.kept_beside:
        yield "the old one is not kept"
    if (code := case.upgrade()) != REFUSED:
        yield f"the next start ended with {code}: {case.log.read_text()[-500:]}"
    if dump(case.catalogue) != case.new:
        yield "the next start did not upgrade it"
    yield from faults(case.catalogue)


def copied(case: Case, folder: Path) -> Dump:
    """Read what a crash left, without healing it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for path in case.catalogue.parent.glob(f"{case.catalogue.name}*"):
        if not path.name.endswith("-shm"):
            shutil.copyfile(path, folder / path.name)
    return dump(folder / case.catalogue.name)


def check(case: Case, chosen: Sequence[tuple[str, int]]) -> None:
    wrong = [f"{call} {number}: {one}" for call, number in chosen for one in wrong_after(case, call, number)]
    assert not wrong, told(wrong)


@pytest.mark.parametrize("case", [1], indirect=True, ids=["by every command"])
def test_a_newer_catalogue_is_refused_untouched(case: Case) -> None:
    case.begin()
    with closing(sqlite3.connect(case.catalogue)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = case.catalogue.read_bytes()
    for arguments in (["run", "--once", case.nothing], ["import", case.nothing], ["status"], ["verify"]):
        case.start(*arguments)
        assert case.starter.wait() == os.EX_CONFIG, case.log.read_text()
        assert case.catalogue.read_bytes() == before
        assert {path.name for path in case.catalogue.parent.iterdir()} <= {
            "catalogue.db",
            "catalogue.db.lock",
        }


@TRACED
def test_killed_at_some_system_calls_it_is_the_old_or_the_new(case: Case, measured: Measured) -> None:
    found = places(case)
    check(case, random.Random(SEED).sample(found, SPREAD))
    measured(f"{SPREAD} of {len(found)} places")


@TRACED
@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_killed_at_any_system_call_it_is_the_old_or_the_new(case: Case, measured: Measured) -> None:
    found = places(case)
    check(case, found)
    measured(f"{len(found)} places")
