from captiond.settings.mistakes import explain
from captiond.settings.sources import Source

KNOWN = (
    "log",
    "inbox",
    "inbox.quiet_seconds",
    "ollama",
    "ollama.model",
    "prompts",
    "prompts.*",
    "prompts.*.model",
)
FILE = Source("c.toml", {"inbox": {"quiet": 1}, "log": "x" * 100, "prompts": {"a": {"modle": 1}}})


def problem(kind: str, *path: str, value: object = 1) -> dict[str, object]:
    return {"type": kind, "loc": path, "input": value, "msg": "what the library says"}


def test_a_mistake_that_nobody_foresaw_is_told_in_the_librarys_words() -> None:
    assert explain([problem("brand_new", "log")], [FILE], KNOWN) == "c.toml: log: what the library says"


def test_a_long_wrong_value_is_cut() -> None:
    told = explain([problem("string_type", "log", value="x" * 100)], [FILE], KNOWN)
    assert told == f'c.toml: log: must be text, not "{"x" * 60}…"'


def test_a_mistake_is_laid_to_the_strongest_source_that_holds_it() -> None:
    flags = Source("command line", {"log": 1})
    assert explain([problem("string_type", "log")], [flags, FILE], KNOWN).startswith("command line: ")


def test_the_same_mistake_is_told_once() -> None:
    twice = [problem("string_type", "log")] * 2
    assert explain(twice, [FILE], KNOWN).count("\n") == 0


def test_a_misspelt_field_of_a_prompt_is_compared_with_the_fields_of_prompts() -> None:
    told = explain([problem("extra_forbidden", "prompts", "a", "modle")], [FILE], KNOWN)
    assert told.endswith('unknown setting; did you mean "model"?')


def test_nothing_is_guessed_for_a_name_like_no_other() -> None:
    told = explain([problem("extra_forbidden", "prompts", "a", "xyzzy")], [FILE], KNOWN)
    assert told.endswith("unknown setting")
