"""The processes that another one started."""

from pathlib import Path


def children(pid: int, named: str = "") -> list[int]:
    """Give the living ones, those whose command line holds these words."""
    lists = [_read(path) for path in Path(f"/proc/{pid}/task").glob("*/children")]
    found = sorted({int(child) for each in lists for child in each.split()})
    return [child for child in found if lives(child) and named in _command_line(child)]


def lives(pid: int) -> bool:
    """Tell whether a process runs; one that ended has no command line, even where nobody took notice."""
    return bool(_command_line(pid))


def _command_line(pid: int) -> str:
    return _read(Path(f"/proc/{pid}/cmdline")).replace("\0", " ")


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        # It ended meanwhile.
        return ""
