"""What README.md says is so: its commands, options, settings, queries, codes and examples."""

import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from captiond import errors
from captiond.app import EXIT_CODES, SOME_FAILED
from captiond.cli import app
from captiond.settings import Settings, load, setting_names

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = (
    "run",
    "doctor",
    "search",
    "facets",
    "show",
    "why",
    "status",
    "try",
    "edit",
    "confirm",
    "redo",
    "retry",
    "pause",
    "resume",
    "demo",
    "verify",
    "import",
    "backup",
)
WRONG_USE = 2
NOWHERE = {"CONFIGURATION_DIRECTORY": "/nowhere"}
"""An environment that leads to no configuration file of the person who runs the tests."""
FOREIGN = frozenset({"OLLAMA_HOST", "OLLAMA_NUM_PARALLEL", "LLAMA_ARG_CACHE_RAM"})
"""Variables of the model server."""


def sections() -> dict[str, str]:
    """Give the text under each heading; the service has tests of its own, for it is systemd's language."""
    _, *parts = re.split(r"^## (.+)$", (ROOT / "README.md").read_text(), flags=re.MULTILINE)
    titles, texts = parts[::2], parts[1::2]
    return {title: text for title, text in zip(titles, texts, strict=True) if "service" not in title.lower()}


README = "\n".join(sections().values())


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def spans() -> Iterator[str]:
    """Yield what stands between backticks in running text."""
    prose = re.sub(r"^```.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL)
    return (found.group(1) for found in re.finditer(r"`([^`\n]+)`", prose))


def help_of(command: str) -> str:
    done = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"})
    assert done.exit_code == 0
    return done.output


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a demo, of which the examples tell."""
    place = tmp_path_factory.mktemp("readme") / "demo"
    command = [sys.executable, "-m", "captiond", "demo", str(place)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return place


def captiond(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "captiond", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_table_of_commands_is_complete() -> None:
    told = re.findall(r"^\| `captiond (\w+)", README, flags=re.MULTILINE)
    there = [command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands]
    assert sorted(told) == sorted(there) == sorted(COMMANDS)


def test_every_command_that_is_named_exists() -> None:
    named = {
        found
        for span in [*spans(), *blocks("console")]
        for found in re.findall(r"(?:^|bin/)captiond (\w+)", span)
    }
    assert named <= set(COMMANDS)
    for command in named:
        assert help_of(command)


def test_the_facets_that_are_shown_are_those_of_the_demo(demo: Path) -> None:
    (shown,) = [block for block in blocks("console") if block.startswith("$ captiond facets")]
    command, *lines = shown.splitlines()
    told = captiond(*shlex.split(command)[2:], "--catalogue", str(demo / "catalogue.db"))
    assert [*told.stdout.splitlines(), *told.stderr.splitlines()] == lines


def test_the_list_of_commands_fits_a_terminal() -> None:
    listed = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "80"}).output.partition("Commands:")[2]
    assert all(command in listed for command in COMMANDS)
    assert "..." not in listed


def test_no_argument_stands_in_brackets_twice() -> None:
    assert not [command for command in COMMANDS if "[[" in help_of(command)]


def test_every_option_that_is_named_exists() -> None:
    named = {option for span in spans() for option in re.findall(r"(?<![\w-])--[a-z-]+", span)}
    assert {"--once", "--json", "--catalogue", "--config", "--ollama", "--model"} <= named
    known = "".join(map(help_of, COMMANDS))
    assert not {option for option in named if not re.search(rf"{option}\b", known)}


def test_options_are_where_they_are_said_to_be() -> None:
    assert all(
        "--json" in help_of(command)
        for command in ("facets", "import", "retry", "search", "show", "status", "verify", "why")
    )
    for option, without in (("--catalogue", ["try", "demo"]), ("--config", ["demo"])):
        assert [command for command in COMMANDS if option not in help_of(command)] == without


def test_every_setting_that_is_named_exists() -> None:
    known = {name.split(".")[-1] for name in setting_names()} | set(setting_names())
    written = {
        found.group(1) for span in spans() for found in re.finditer(r"(?:^|\] )([a-z_][a-z_.]*) = \S", span)
    }
    assert {"pull", "sidecars", "store_gps", "model"} <= written
    assert written <= known


def test_every_variable_that_is_named_exists() -> None:
    named = {span.partition("=")[0] for span in spans() if re.fullmatch(r"[A-Z][A-Z_]+(=\S*)?", span)}
    ours = {name for name in named if name.startswith("CAPTIOND_")}
    assert ours == {"CAPTIOND_OLLAMA__URL", "CAPTIOND_CATALOGUE"}
    dotted = {name.removeprefix("CAPTIOND_").lower().replace("__", ".") for name in ours}
    assert dotted <= set(setting_names())
    assert named - ours <= FOREIGN


def test_the_configuration_that_is_shown_is_accepted(tmp_path: Path) -> None:
    assert blocks("toml")
    for number, toml in enumerate(blocks("toml")):
        path = tmp_path / f"{number}.toml"
        path.write_text(toml)
        assert load(path, {}, NOWHERE) != Settings()


def test_the_default_model_is_the_one_that_is_named() -> None:
    named = set(re.findall(r"llava:13b[\w.-]*", README))
    assert named == {Settings().ollama.model}


def test_the_queries_run_on_a_catalogue(demo: Path) -> None:
    queries = [query for block in blocks("sql") for query in block.split(";") if query.strip()]
    assert len(queries) > 3
    with closing(sqlite3.connect(f"{(demo / 'catalogue.db').as_uri()}?mode=ro", uri=True)) as connection:
        found = {
            query.split(" FROM ")[1].split()[0]: connection.execute(query).fetchall() for query in queries
        }
    assert found["problems"] == []
    assert found["photos"]
    assert found["objects"]
    assert found["history"]


def test_the_table_that_is_shown_is_what_the_query_gives(demo: Path) -> None:
    (block,) = [block for block in blocks("console") if "sqlite3" in block]
    command, *table = block.replace("\\\n", " ").splitlines()
    query = shlex.split(command)[-1]
    with closing(sqlite3.connect(demo / "catalogue.db")) as connection:
        asked = connection.execute(query)
        names, rows = [column for column, *_ in asked.description], asked.fetchall()
    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in table if line.startswith("│")]
    assert lines[0] == names
    assert sorted(map(tuple, lines[1:])) == sorted(rows)


def test_the_sidecar_that_is_shown_is_that_of_the_demo(demo: Path) -> None:
    (block,) = blocks("json")
    shown = json.loads(block)
    real = json.loads((demo / "inbox" / "road sign.jpg.captiond.json").read_text())
    assert shown.keys() == real.keys()
    assert shown["image"].keys() <= real["image"].keys()
    beginning = shown["summary"].pop("description").removesuffix("…").strip()
    assert real["summary"].pop("description").startswith(beginning)
    assert shown["summary"] == real["summary"]
    ocr = shown["results"]["ocr"]
    assert ocr.pop("…") == "…"
    assert ocr == {key: real["results"]["ocr"][key] for key in ocr}


def test_every_search_that_is_shown_works(demo: Path) -> None:
    (row,) = [line for line in README.splitlines() if line.startswith("| `captiond search")]
    searches = re.findall(r"`([^`]+)`", row)[1:]
    assert len(searches) > 9
    ended = captiond("search", "liberté", "--catalogue", str(demo / "catalogue.db"))
    assert ended.returncode == 0
    for words in searches:
        ended = captiond("search", words, "--catalogue", str(demo / "catalogue.db"), "--json")
        assert ended.returncode in (0, 1), words
        # mood is a prompt by choice, which the demo does not ask.
        is_told = words == "mood:calm"
        assert bool(json.loads(ended.stdout)["notes"]) is is_told, words


def codes_in(text: str) -> set[int]:
    return {int(code) for code in re.findall(r"(?<![\w.])\d{1,2}(?![\w.])", text)}


def test_the_exit_codes_are_those_of_the_program() -> None:
    told = README[README.index("Exit codes:") :].partition("\n\n")[0]
    fatal = {kind.exit_code for kind in errors.Fatal.__subclasses__()}
    assert codes_in(told) == {0, WRONG_USE, SOME_FAILED, os.EX_IOERR} | fatal | set(EXIT_CODES.values())
    about_run = help_of("run")
    assert codes_in(about_run[about_run.index("Exit codes:") :].partition("\n\n")[0]) == codes_in(told)


def test_what_one_sees_is_what_the_program_says() -> None:
    source = "".join(path.read_text() for path in (ROOT / "daemon" / "captiond").rglob("*.py"))
    spoken = re.sub(r"\{[^}]*\}", "…", re.sub(r'"\s*\n\s*f?"', "", source))
    seen = re.findall(r"^\| `([^`]+)` \|", sections()["Troubleshooting"], flags=re.MULTILINE)
    assert len(seen) > 3
    for sentence in seen:
        for part in filter(None, (part.strip() for part in sentence.split("…"))):
            assert part in spoken, part


def test_every_file_that_is_linked_exists() -> None:
    links = re.findall(r"\]\(([^):]+)\)", (ROOT / "README.md").read_text())
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_the_make_commands_exist() -> None:
    wanted = re.findall(r"(?:^|`)(make [^`\n]+)", README, flags=re.MULTILINE)
    assert {command.split()[1] for command in wanted} == {"run", "test", "demo"}
    for command in wanted:
        planned = subprocess.run(
            [*shlex.split(command), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert planned.returncode == 0, planned.stderr
        assert {"run": "captiond run", "test": "pytest", "demo": "captiond demo"}[command.split()[1]] in (
            planned.stdout
        )
