"""Are the inboxes and prompts there that `inbox.prompts` names? If not: where, and what was meant."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches

from captiond.model import Json
from captiond.printable import printable

from .sources import SettingPath, Source
from .values import parsed_json, split, whole_path

TABLE = ("inbox", "prompts")


def mistakes_in(sources: Sequence[Source], prompts: Collection[str]) -> list[str]:
    """List what is named and is not there; `prompts` are those that there are."""
    return [
        printable(f"{source.place(path)}: {wrong}")
        for source in sources
        for path, wrong in _wrong(source.values, prompts)
    ]


def _wrong(values: Mapping[str, Json], prompts: Collection[str]) -> Iterator[tuple[SettingPath, str]]:
    inbox = values.get(TABLE[0])
    table = parsed_json(inbox.get(TABLE[1])) if isinstance(inbox, Mapping) else None
    if not isinstance(table, Mapping):
        return
    inboxes = {str(whole_path(one)): str(one) for one in split(values.get("inboxes", ()), ":")}
    for folder, names in table.items():
        if inboxes and str(whole_path(folder)) not in inboxes:
            yield (*TABLE, folder), f'"{folder}" is none of the inboxes{_meant(folder, inboxes.values())}'
        for name in split(names, ","):
            if name not in prompts:
                yield (*TABLE, folder), f'there is no prompt "{name}"{_meant(name, prompts)}'


def _meant(name: str, known: Collection[str]) -> str:
    nearest = get_close_matches(name, sorted(known), n=1)
    return f'; did you mean "{nearest[0]}"?' if nearest else ""
