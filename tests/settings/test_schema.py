import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from captiond.catalogue.tables import photos
from captiond.errors import BadConfiguration
from captiond.model import SidecarPlace
from captiond.prompts.configuring import configured
from captiond.settings import Settings, changed_needing_restart, load, setting_names, taking_over

EXAMPLE = Path(__file__).resolve().parent.parent.parent / "config.example.toml"
NOWHERE = {"CONFIGURATION_DIRECTORY": "/nowhere"}
"""An environment that leads to no configuration file of the person who runs the tests."""


def written(folder: Path, toml: str) -> Path:
    path = folder / "config.toml"
    path.write_text(toml, encoding="utf-8")
    return path


def mistakes(folder: Path, toml: str) -> list[str]:
    """What is said about a wrong file, from the number of the line on."""
    with pytest.raises(BadConfiguration) as caught:
        load(written(folder, toml), {}, NOWHERE)
    return str(caught.value).replace(f"{folder}/config.toml:", "").splitlines()


def keys(table: Mapping[str, object], prefix: str = "") -> Iterator[str]:
    """The dotted names of all settings in a table that are no tables themselves."""
    for name, value in table.items():
        if isinstance(value, Mapping) and value:
            yield from keys(value, f"{prefix}{name}.")
        else:
            yield prefix + name


def test_no_file_at_all_gives_the_defaults() -> None:
    assert load(None, {}, NOWHERE) == Settings()


def test_the_file_overrides_a_default(tmp_path: Path) -> None:
    settings = load(written(tmp_path, '[ollama]\nmodel = "llava:7b"'), {}, NOWHERE)
    assert settings.ollama.model == "llava:7b"
    assert settings.ollama.parallel == 1


def test_ollama_host_overrides_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, '[ollama]\nurl = "http://file:1"')
    settings = load(path, {}, {**NOWHERE, "OLLAMA_HOST": "0.0.0.0"})
    assert settings.ollama.url == ("http://127.0.0.1:11434",)


def test_our_own_variable_overrides_ollama_host() -> None:
    environ = {**NOWHERE, "OLLAMA_HOST": "other", "CAPTIOND_OLLAMA__URL": "gpu"}
    assert load(None, {}, environ).ollama.url == ("http://gpu:11434",)


def test_a_flag_overrides_everything() -> None:
    environ = {**NOWHERE, "CAPTIOND_OLLAMA__URL": "gpu", "CAPTIOND_OLLAMA__MODEL": "llava:7b"}
    settings = load(None, {"ollama.url": "flag"}, environ)
    assert settings.ollama.url == ("http://flag:11434",)
    assert settings.ollama.model == "llava:7b"


def test_a_flag_that_was_not_given_changes_nothing() -> None:
    assert load(None, {"catalogue": None, "ollama.model": None}, NOWHERE) == Settings()


def test_an_empty_variable_changes_nothing() -> None:
    assert load(None, {}, {**NOWHERE, "CAPTIOND_CATALOGUE": "", "OLLAMA_HOST": ""}) == Settings()


def test_a_path_on_the_command_line_starts_where_the_user_stands() -> None:
    settings = load(None, {"inboxes": [Path("pictures")]}, NOWHERE)
    assert settings.inboxes == (Path.cwd() / "pictures",)


def test_inboxes_in_the_environment_are_separated_by_colons() -> None:
    settings = load(None, {}, {**NOWHERE, "CAPTIOND_INBOXES": "/a,b:~/c"})
    assert settings.inboxes == (Path("/a,b"), Path.home() / "c")


def test_an_inbox_may_have_a_name_that_is_not_utf_8() -> None:
    assert load(None, {}, {**NOWHERE, "CAPTIOND_INBOXES": "/f\udce9te"}).inboxes == (Path("/f\udce9te"),)


@pytest.mark.parametrize("text", ["jpeg, png", '["jpeg", "png"]'])
def test_a_list_in_the_environment_has_commas_or_is_json(text: str) -> None:
    assert load(None, {}, {**NOWHERE, "CAPTIOND_IMAGING__FORMATS": text}).imaging.formats == ("JPEG", "PNG")


def test_a_prompt_may_be_switched_on_by_the_environment() -> None:
    environ = {
        **NOWHERE,
        "CAPTIOND_PROMPTS__MOOD__ENABLED": "true",
        "CAPTIOND_PROMPTS__MOOD__OPTIONS__SEED": "7",
    }
    assert load(None, {}, environ).prompt_tables() == {"mood": {"enabled": True, "options": {"seed": 7}}}


def test_the_file_and_the_environment_mix_within_a_table(tmp_path: Path) -> None:
    path = written(tmp_path, "[ollama]\nparallel = 2\nseed = 5")
    settings = load(path, {}, {**NOWHERE, "CAPTIOND_OLLAMA__PARALLEL": "4"})
    assert (settings.ollama.parallel, settings.ollama.seed) == (4, 5)


def test_prompt_tables_hold_only_what_is_set_under_the_names_of_the_file(tmp_path: Path) -> None:
    toml = '[prompts.a]\nkind = "json"\nfrom = "ocr"\ntext = "{text}"\nschema = {type = "object"}'
    tables = load(written(tmp_path, toml), {}, NOWHERE).prompt_tables()
    assert tables == tomllib.loads(toml)["prompts"]


def test_systemd_decides_where_the_catalogue_lies() -> None:
    settings = load(None, {}, {**NOWHERE, "STATE_DIRECTORY": "/var/lib/captiond:/var/lib/more"})
    assert settings.catalogue == Path("/var/lib/captiond/catalogue.db")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("beside", SidecarPlace("beside")),
        ("tree:/srv/cards", SidecarPlace("tree", Path("/srv/cards"))),
        ("off", SidecarPlace("off")),
    ],
)
def test_sidecars_have_three_places(text: str, place: SidecarPlace) -> None:
    assert load(None, {"sidecars": text}, NOWHERE).sidecars == place


def test_options_hold_what_goes_with_every_request() -> None:
    assert Settings().ollama.options() == {
        "num_ctx": 4096,
        "temperature": 0,
        "seed": 1,
        "repeat_penalty": 1.1,
    }


def test_megabytes_become_bytes() -> None:
    assert load(None, {"imaging.max_file_megabytes": 3}, NOWHERE).imaging.max_file_bytes == 3_000_000


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().ollama.model = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("toml", "line"),
    [
        (
            "[inbox]\n\nquiet_secondz = 2",
            '3: inbox.quiet_secondz: unknown setting; did you mean "quiet_seconds"?',
        ),
        ("quiet_seconds = 2", '1: quiet_seconds: unknown setting; did you mean "inbox.quiet_seconds"?'),
        ("zebra = 2", "1: zebra: unknown setting"),
        (
            '[ollama]\nparallel = "two"',
            '2: ollama.parallel: must be a whole number of at least 1, not "two"',
        ),
        ("[ollama]\nparallel = true", "2: ollama.parallel: must be a whole number of at least 1, not true"),
        ("ollama.gap_seconds = inf", "1: ollama.gap_seconds: must be a number above 0, not inf"),
        ("[imaging]\nformats = []", "2: imaging.formats: must not be empty"),
        ("[ollama]\nmodel = ''", "2: ollama.model: must not be empty"),
        ("[ollama]\nmodel = 3", "2: ollama.model: must be text, not 3"),
        ("ollama = 3", "1: ollama: must be a table of settings, not 3"),
        ("[[prompts]]", "1: prompts: must be a table of settings, not a list"),
        ("inboxes = 7", "1: inboxes: must be a list, not 7"),
        (
            "inboxes = ['/a', 'b']",
            '1: inboxes[1]: must be a whole path that begins with "/" or "~/", not "b"',
        ),
        (
            "[prompts.ocr]\noptions = { num_ctx = 8192 }",
            '2: prompts.ocr.options.num_ctx: unknown setting; did you mean "ollama.num_ctx"?',
        ),
        (
            "[prompts.ocr]\nenabeld = true",
            '2: prompts.ocr.enabeld: unknown setting; did you mean "enabled"?',
        ),
        (
            "[prompts.width]\nkind = 'text'",
            '1: prompts.width: "width" is a column of the catalogue; give the prompt another name',
        ),
        (
            "[prompts.a]\nkind = 'poem'",
            '2: prompts.a.kind: must be "text", "list", "choice" or "json", not "poem"',
        ),
        (
            "[translation]\ntarget = 'english!'",
            '2: translation.target[0]: must be a language tag like "en" or "pt-BR", not "english!"',
        ),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_place_and_cure(tmp_path: Path, toml: str, line: str) -> None:
    assert mistakes(tmp_path, toml) == [line]


@pytest.mark.parametrize(
    ("toml", "line"),
    [
        ("[prompts.own]\nkind = 'text'", "1: prompts.own: text: a new prompt needs it"),
        ("[prompts.ocr]\nchoices = ['a', 'b']", "2: prompts.ocr.choices: only a choice has choices"),
        ("\n[prompts.ocr]\nfrom = 'x'", "3: prompts.ocr.from: the prompt 'x' does not exist"),
    ],
)
def test_what_does_not_fit_together_in_a_prompt_is_told_with_its_place(
    tmp_path: Path, toml: str, line: str
) -> None:
    assert mistakes(tmp_path, toml) == [line]


def test_a_prompt_that_is_wrong_for_its_variables_names_one_of_them() -> None:
    with pytest.raises(BadConfiguration) as caught:
        load(None, {}, {**NOWHERE, "CAPTIOND_PROMPTS__OWN__KIND": "text"})
    assert str(caught.value) == "environment: CAPTIOND_PROMPTS__OWN__KIND: text: a new prompt needs it"


def test_every_mistake_gets_a_line(tmp_path: Path) -> None:
    assert len(mistakes(tmp_path, "zebra = 1\n[inbox]\nquiet_seconds = 0\n[prompts.Big]")) == 3


def test_a_mistake_never_sounds_like_pydantic(tmp_path: Path) -> None:
    toml = "[prompts.mood]\nschema = 3\nempty = 4\nchoices = [5]\nfrom = 6\n[imaging]\nformats = [7]"
    told = "\n".join(mistakes(tmp_path, toml))
    assert len(told.splitlines()) == 5
    assert not re.search(r"Input should|pydantic|Value error|type=|_error", told)


@pytest.mark.parametrize(
    ("variable", "sentence"),
    [
        ("CAPTIOND_OLLAMA__PARALEL", "unknown setting; did you mean CAPTIOND_OLLAMA__PARALLEL?"),
        ("CAPTIOND_INBOX_QUIET_SECONDS", "unknown setting; did you mean CAPTIOND_INBOX__QUIET_SECONDS?"),
        ("CAPTIOND_OLLMA__URL", "unknown setting; did you mean CAPTIOND_OLLAMA__URL?"),
        ("CAPTIOND_", "unknown setting"),
        ("CAPTIOND_OLLAMA", 'must be a table of settings, not "3 4"'),
        ("CAPTIOND_OLLAMA__URL", 'must be an address like "http://127.0.0.1:11434", not "3 4"'),
        ("OLLAMA_HOST", 'must be an address like "http://127.0.0.1:11434", not "3 4"'),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(variable: str, sentence: str) -> None:
    with pytest.raises(BadConfiguration) as caught:
        load(None, {}, {**NOWHERE, variable: "3 4"})
    assert str(caught.value).startswith(f"environment: {variable}: {sentence}")


def test_a_mistake_on_the_command_line_says_so() -> None:
    with pytest.raises(
        BadConfiguration, match=r'^command line: log: must be "auto", "text" or "json", not "yaml"$'
    ):
        load(None, {"log": "yaml"}, NOWHERE)


def test_a_password_in_an_address_is_refused_and_not_repeated(tmp_path: Path) -> None:
    (line,) = mistakes(tmp_path, "[ollama]\nurl = 'http://me:hunter2@gpu:99999'")
    assert line == "2: ollama.url[0]: must not hold a user name or password"


def test_an_escape_sequence_in_a_wrong_value_does_not_reach_the_terminal(tmp_path: Path) -> None:
    (line,) = mistakes(tmp_path, r'log = "\u001b[31m"')
    assert line.endswith(r'not "\x1b[31m"')


def test_the_columns_of_the_catalogue_are_no_names_for_prompts() -> None:
    built_in = {"objects", "description", "translation", "alt_text"}
    for column in {column.name for column in photos.columns} - built_in:
        with pytest.raises(BadConfiguration, match="is a column of the catalogue"):
            load(None, {f"prompts.{column}.enabled": True}, NOWHERE)


def test_an_unchanged_configuration_needs_no_restart() -> None:
    assert changed_needing_restart(Settings(), load(None, {}, NOWHERE)) == ()


def test_prompts_language_and_logging_need_no_restart() -> None:
    flags = {"prompts.mood.enabled": True, "translation.target": "de", "log": "json", "log_level": "debug"}
    assert changed_needing_restart(Settings(), load(None, flags, NOWHERE)) == ()


def test_all_else_needs_a_restart() -> None:
    new = load(None, {"inboxes": ["/a"], "ollama.url": "gpu", "imaging.store_gps": True}, NOWHERE)
    assert changed_needing_restart(Settings(), new) == ("inboxes", "ollama.url", "imaging.store_gps")


def test_the_example_names_every_setting_and_no_other() -> None:
    tables = {name.rpartition(".")[0] for name in setting_names()}
    expected = {name for name in setting_names() if name not in tables and not name.startswith("prompts")}
    assert set(keys(tomllib.loads(EXAMPLE.read_text(encoding="utf-8")))) == expected


def test_the_example_shows_the_defaults() -> None:
    own = {"inboxes", "catalogue"}
    settings = load(EXAMPLE, {}, NOWHERE)
    assert settings.model_dump(exclude=own) == Settings().model_dump(exclude=own)


def example_with_prompts(folder: Path) -> Settings:
    """The example with its commented prompts switched on."""
    text = re.sub(r"^#(?! |$)", "", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return load(written(folder, text), {}, NOWHERE)


def test_the_prompts_of_the_example_show_every_field(tmp_path: Path) -> None:
    tables = example_with_prompts(tmp_path).prompt_tables()
    shown = {field for table in tables.values() for field in table}
    assert shown == {name.split(".")[2] for name in setting_names() if name.count(".") == 2}


def test_the_prompts_of_the_example_work(tmp_path: Path) -> None:
    tables = example_with_prompts(tmp_path).prompt_tables()
    assert {prompt.name for prompt in configured(tables, targets=["en"])} >= set(tables)


def test_settings_can_be_shown_as_json() -> None:
    assert json.loads(Settings().model_dump_json())["sidecars"]["kind"] == "beside"


def test_an_inbox_that_is_no_longer_named_keeps_its_prompts_until_the_restart() -> None:
    here, there = Path("/here"), Path("/there")
    old = Settings(inboxes=(here, there), inbox={"prompts": {here: ("ocr",), there: ("objects",)}})
    new = Settings(inboxes=(there,), inbox={"prompts": {there: ("description",)}})
    assert taking_over(old, new).inbox.prompts == {here: ("ocr",), there: ("description",)}
    assert taking_over(old, Settings(inboxes=(here, there))).inbox.prompts == {}
