"""The house rules that no linter knows, as tests."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "daemon" / "captiond"
MODULES = sorted(PACKAGE.rglob("*.py"))

LONGEST_FILE = 300
LONGEST_FUNCTION = 40
LONGEST_MEDIAN_FUNCTION = 10
MOST_METHODS = 12

MORE_METHODS = {
    "Endpoint": "five of them are one-line properties that tell about its health",
    "Noticing": "the gates of one inbox in their order; what could leave has left (absent.py, settling.py)",
    "Service": "the life of the daemon from start to stop in one place",
}

UNUSED_WORDS = re.compile(
    "manager|helpers?|utils?|common|base|info|data|handle|process|items?|tasks?|misc|temp|tmp"
)
"""Words that say nothing (the glossary has better ones)."""

ALLOWED_NAMES = {
    "handle_async_request": "httpx calls its transports so",
    "ServiceManager": "systemd's own word for what it is",
    "manager": "the service manager",
    "_manager": "the service manager",
    "task": "asyncio's word",
    "_base": "an address that others are joined to",
    "process": "the operating system's own, that decodes",
    "_process": "the same",
    "handle_event": "watchdog calls its observers so",
    "DATA_URLS": "a standard's word",
    "info": "a field of Ollama's",
    "_model_info": "another",
    "_projector_info": "another",
}

CATCHES_ALL = {
    "inbox/threads.py": "whoever waits for the call gets its error",
    "service.py": "a fault of ours must not stop the other photos",
    "inbox/watching.py": "whatever watchdog raises, its thread must live on",
}


def name_of(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()


def nodes(module: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(module.read_text()))


def functions(module: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in nodes(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function without its docstring."""
    assert function.end_lineno is not None
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    words = (first.end_lineno or first.lineno) - first.lineno + 1 if documented else 0
    return function.end_lineno - function.lineno + 1 - words


def named(module: Path) -> Iterator[str]:
    """Give every name that a module defines."""
    yield module.stem
    for node in nodes(module):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.arg():
                yield node.arg
            case ast.Name(ctx=ast.Store()):
                yield node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.attr


def words(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+(?![a-z])", name)}


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_file_is_short(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_functions_are_short(module: Path) -> None:
    assert {one.name: length(one) for one in functions(module) if length(one) > LONGEST_FUNCTION} == {}


def test_most_functions_are_shorter() -> None:
    assert median(length(one) for module in MODULES for one in functions(module)) <= LONGEST_MEDIAN_FUNCTION


def test_classes_are_small() -> None:
    methods = {
        node.name: sum(isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) for part in node.body)
        for module in MODULES
        for node in nodes(module)
        if isinstance(node, ast.ClassDef)
    }

    assert {name for name, count in methods.items() if count > MOST_METHODS} == set(MORE_METHODS)


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_names_say_something(module: Path) -> None:
    empty = {name for name in named(module) if any(map(UNUSED_WORDS.fullmatch, words(name)))}

    assert empty - set(ALLOWED_NAMES) == set()


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_nothing_catches_everything(module: Path) -> None:
    caught = {
        part.id
        for node in nodes(module)
        if isinstance(node, ast.ExceptHandler)
        for part in ast.walk(node.type or ast.Name("nothing named"))
        if isinstance(part, ast.Name)
    }

    everything = caught & {"Exception", "BaseException", "nothing named"}
    assert bool(everything) == (name_of(module) in CATCHES_ALL)


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_nothing_waits_in_a_way_that_loses_a_cancellation(module: Path) -> None:
    """On Python 3.11 `asyncio.wait_for` swallows one that comes as its wait ends."""
    assert "wait_for(" not in module.read_text()


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_no_module_changes_its_globals(module: Path) -> None:
    assert not [node for node in nodes(module) if isinstance(node, ast.Global)]


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_says_what_it_is_for(module: Path) -> None:
    assert ast.get_docstring(ast.parse(module.read_text()))


def test_each_folder_has_its_tests() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}

    assert folders <= {path.name for path in Path(__file__).parent.iterdir() if path.is_dir()}
