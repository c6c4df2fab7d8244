"""How many photos have which answer: the words to narrow a search by.

Without SQLAlchemy, as the search.
"""

import sqlite3
from dataclasses import dataclass

from captiond.model import PromptName

_FACETS = """
SELECT coalesce(entry.value, results.value) AS said, count(DISTINCT results.photo_id) AS photos
FROM results JOIN photos ON photos.id = results.photo_id
JOIN json_each(CASE json_type(results.content) WHEN 'array' THEN results.content ELSE '[null]' END) AS entry
WHERE results.prompt = ? AND results.current = 1 AND results.status = 'ok' AND photos.missing = 0
GROUP BY said ORDER BY photos DESC, said
"""
"""Each entry of a list counts, and any other answer as a whole."""
_ANSWERED = "SELECT DISTINCT prompt FROM results WHERE current = 1 AND status = 'ok' ORDER BY prompt"


@dataclass(frozen=True, slots=True)
class Facet:
    """An answer, or an entry of one, and how many photos have it."""

    value: str
    photos: int


def facets(connection: sqlite3.Connection, prompt: str) -> list[Facet]:
    """Count the photos for each answer to a prompt, the most frequent first; what is gone does not count."""
    return [Facet(str(value), photos) for value, photos in connection.execute(_FACETS, (prompt,))]


def answered(connection: sqlite3.Connection) -> list[PromptName]:
    """Name the prompts that have answers."""
    return [PromptName(prompt) for (prompt,) in connection.execute(_ANSWERED)]
