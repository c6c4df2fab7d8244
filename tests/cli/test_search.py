import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from captiond.cli import app
from catalogue.filled import fill

Call = Callable[..., Result]


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("search") / "catalogue.db")


@pytest.fixture
def search(catalogue: Path) -> Call:
    return lambda *words: CliRunner().invoke(app, ["search", *words, "--catalogue", str(catalogue)])


def test_a_line_for_each_photo_goes_through_a_pipe(search: Call) -> None:
    found = search("liberté")
    excerpt = "Attention ! / Éléphants en [liberté]  →  Caution! / Elephants roaming free"
    line = f"/photos/2024/kenya/IMG_2041.jpg\t2024-07-14T16:21:09\tfr\t{excerpt}"
    assert (found.exit_code, found.stdout) == (0, line + "\n")


def test_all_words_must_match(search: Call) -> None:
    assert search("elephant", "yellow").exit_code == 0
    assert search("elephant", "giraffe").exit_code == 1


def test_text_from_pictures_cannot_command_a_terminal(search: Call) -> None:
    found = search("giraffe")
    assert "A [giraffe]\\x1b[31m\\u202e." in found.stdout


def test_nothing_found_says_so_and_what_may_help(search: Call) -> None:
    found = search("elefant")
    assert (found.exit_code, found.stdout) == (1, "")
    assert "Did you mean elephant?" in found.stderr
    assert "No photo" in found.stderr


def test_a_filter_in_the_way_is_named(search: Call) -> None:
    assert "1 photo matches without lang:de" in search("elephant lang:de").stderr


def test_a_date_that_is_none_is_no_error(search: Call) -> None:
    found = search("elephant taken:yesteryear")
    assert (found.exit_code, "a date looks like" in found.stderr) == (0, True)


def test_an_option_that_is_none_is_no_word(search: Call) -> None:
    found = search("elephant", "--limti", "2")
    assert (found.exit_code, "there is no option --limti" in found.stderr) == (2, True)
    assert search("-elephant").exit_code == 0


def test_the_limit_holds(search: Call) -> None:
    assert len(search("is:done", "--limit", "2").stdout.splitlines()) == 2
    assert search("is:done", "--limit", "0").exit_code == 2


def test_json_has_its_shape(search: Call) -> None:
    document = json.loads(search("mood:calm", "--json").stdout)
    photo = document.pop("photos")[0]
    assert document == {"query": "mood:calm", "count": 1, "more": False, "notes": [], "suggestion": None}
    assert sorted(photo) == sorted(
        [
            "path",
            "inbox",
            "name",
            "taken_at",
            "language",
            "description",
            "objects",
            "text",
            "translation",
            "state",
            "missing",
            "sha256",
            "snippet",
            "found_in",
        ]
    )
    assert (photo["objects"], photo["missing"]) == (["elephant", "road sign"], False)


def test_json_is_exact_and_cannot_command_a_terminal(search: Call) -> None:
    printed = search("giraffe", "--json").stdout
    assert "\x1b" not in printed
    assert "\u202e" not in printed
    assert json.loads(printed)["photos"][0]["description"] == "A giraffe\x1b[31m\u202e."


def test_an_empty_result_is_json_too(search: Call) -> None:
    found = search("zebra", "--json")
    assert (found.exit_code, json.loads(found.stdout)["photos"]) == (1, [])


def captiond(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "captiond", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment or None)


def test_without_a_catalogue_it_says_what_makes_one(tmp_path: Path) -> None:
    done = captiond("search", "dog", "--catalogue", tmp_path / "none.db")
    assert (done.returncode, done.stdout) == (74, "")
    assert done.stderr.count("\n") == 1
    assert "captiond run makes it" in done.stderr


def test_a_file_that_is_no_catalogue_is_told(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear Sir or Madam, " * 200)
    done = captiond("search", "dog", "--catalogue", tmp_path / "letter.txt")
    assert (done.returncode, "not an SQLite database" in done.stderr) == (78, True)


def test_the_settings_name_the_catalogue(catalogue: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'catalogue = "{catalogue}"\n')
    assert captiond("search", "elephant", "--config", config).returncode == 0
    assert captiond("search", "elephant", CAPTIOND_CATALOGUE=str(catalogue)).returncode == 0


def test_search_imports_nothing_that_is_slow(catalogue: Path) -> None:
    script = (
        "import sys\nfrom captiond.cli import main\n"
        f"sys.argv = ['captiond', 'search', 'elephant', '--catalogue', {str(catalogue)!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "IMG_2041.jpg" in done.stdout
    slow = {"sqlalchemy", "alembic", "ollama", "httpx", "PIL", "rich", "structlog", "asyncio", "watchdog"}
    assert slow & set(done.stderr.split()) == set()
