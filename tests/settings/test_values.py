from pathlib import Path

import pytest

from captiond.model import Json
from captiond.settings.values import (
    DEEPEST_LEVELS,
    apart,
    keep_alive,
    server_url,
    shallow,
    sidecar_place,
    split,
    whole_path,
)


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("gpu", "http://gpu:11434"),
        ("gpu:8080", "http://gpu:8080"),
        (":8080", "http://127.0.0.1:8080"),
        ("http://gpu", "http://gpu:80"),
        ("https://gpu", "https://gpu:443"),
        ("https://gpu:1/ollama/", "https://gpu:1/ollama"),
        ("[fe80::1]:8080", "http://[fe80::1]:8080"),
        ("https://[fe80::1]", "https://[fe80::1]:443"),
        ('"gpu"', "http://gpu:11434"),
    ],
)
def test_an_address_is_read_as_ollama_reads_its_own_variable(written: str, url: str) -> None:
    assert server_url(written) == url


@pytest.mark.parametrize("host", ["0.0.0.0", "0.0.0.0:11434", "http://0.0.0.0:11434"])
def test_the_address_that_a_server_listens_on_becomes_one_to_connect_to(host: str) -> None:
    assert server_url(host) == "http://127.0.0.1:11434"


def test_listening_on_every_ipv6_address_becomes_the_local_one() -> None:
    assert server_url("[::]:11434") == "http://[::1]:11434"


@pytest.mark.parametrize(
    "written", ["ftp://gpu", "http://gpu:port", "http://gpu:70000", "two words", "[::1", "gpu?x=1"]
)
def test_what_is_no_address_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"^must be an address like"):
        server_url(written)


def test_an_address_with_a_password_is_refused_without_repeating_it() -> None:
    with pytest.raises(ValueError, match=r"^must not hold a user name or password$"):
        server_url("http://me:hunter2@gpu")


def test_a_path_begins_at_home_or_at_the_root() -> None:
    assert whole_path("~/a") == Path.home() / "a"
    assert whole_path("/a/") == Path("/a")


@pytest.mark.parametrize("written", ["", "a", "./a", "~no-such-person-here/a", "/a\0b", 7])
def test_what_is_no_whole_path_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match=r"^must be a"):
        whole_path(written)


@pytest.mark.parametrize(
    ("written", "path"), [("/a/b/../in", "/a/in"), ("/a/./in", "/a/in"), ("/../a", "/a"), ("/a/b/..", "/a")]
)
def test_a_path_is_written_without_dots(written: str, path: str) -> None:
    assert whole_path(written) == Path(path)


def test_dots_behind_a_link_lead_where_the_system_goes(tmp_path: Path) -> None:
    (tmp_path / "disk" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "deep")
    assert whole_path(tmp_path / "link" / ".." / "in") == tmp_path / "disk" / "in"


def test_links_stay_as_they_are_named(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    assert whole_path(tmp_path / "x" / ".." / "link") == tmp_path / "link"


def test_one_inbox_by_two_ways_is_one(tmp_path: Path) -> None:
    (tmp_path / "disk" / "2024").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    assert apart((tmp_path / "link", tmp_path / "disk")) == (tmp_path / "link",)
    with pytest.raises(ValueError, match="lies inside"):
        apart((tmp_path / "link", tmp_path / "disk" / "2024"))


def test_a_loop_of_links_is_a_path(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert whole_path(tmp_path / "loop" / "in") == tmp_path / "loop" / "in"


def test_json_that_is_nested_too_deep_is_refused() -> None:
    with pytest.raises(ValueError, match="must be JSON"):
        split('["a", ' + "[" * 100_000, ",")


def test_a_schema_is_not_nested_for_ever() -> None:
    fine: Json = 1
    for _ in range(DEEPEST_LEVELS):
        fine = {"a": fine}
    assert shallow(fine) is fine
    with pytest.raises(ValueError, match="must not be nested deeper"):
        shallow([fine])


def test_an_inbox_named_twice_is_one() -> None:
    assert apart((Path("/a"), Path("/b"), Path("/a"))) == (Path("/a"), Path("/b"))


def test_an_inbox_inside_another_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^/a/b/c lies inside /a, which is watched with all its folders"):
        apart((Path("/a/b/c"), Path("/ab"), Path("/a")))


def test_the_whole_machine_is_no_inbox(tmp_path: Path) -> None:
    (tmp_path / "all").symlink_to("/")
    for folder in (Path("/"), tmp_path / "all"):
        with pytest.raises(ValueError, match="is the whole machine"):
            apart((folder,))


def test_a_list_is_split_and_trimmed() -> None:
    assert split("a, b ,,c", ",") == ["a", "b", "c"]


@pytest.mark.parametrize("text", ["[::1]:11434", "[0-9]*.jpg"])
def test_what_begins_with_a_bracket_need_not_be_a_json_list(text: str) -> None:
    assert split(f"{text},other", ",") == [text, "other"]


def test_a_json_list_keeps_its_commas() -> None:
    assert split('["a, b", "c"]', ",") == ["a, b", "c"]


def test_broken_json_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^must be JSON$"):
        split('["a', ",")


@pytest.mark.parametrize(
    ("written", "read"),
    [("30m", "30m"), ("1h30m", "1h30m"), ("1.5h", "1.5h"), (-1, -1), ("-1", -1), ("300", 300)],
)
def test_a_number_in_keep_alive_becomes_a_number(written: object, read: object) -> None:
    assert keep_alive(written) == read


@pytest.mark.parametrize("written", ["", "soon", "30 m", "m", 1.5, True])
def test_what_is_no_time_is_refused_for_keep_alive(written: object) -> None:
    with pytest.raises(ValueError, match=r"^must be a time like"):
        keep_alive(written)


@pytest.mark.parametrize("written", ["tree", "tree:", "tree:cards", "besides", True])
def test_what_is_no_place_for_sidecars_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match=r"^must be "):
        sidecar_place(written)
