"""A photo that comes to lie elsewhere is asked what its earlier place kept it from."""

import pytest
from sqlalchemy import Connection, select

from captiond.catalogue.jobs import lease
from captiond.catalogue.reconsidering import reconsider
from captiond.catalogue.tables import jobs, photos
from captiond.model import PromptName, Status
from captiond.prompts.configuring import configured
from captiond.prompts.prompt import Prompt
from catalogue.planting import INBOX, NOW, answer, plant, result

PLATE, COLOUR, MAKER = (PromptName(name) for name in ("plate", "colour", "maker"))
PROMPTS: tuple[Prompt, ...] = configured(
    {
        **{name: {"enabled": False} for name in ("objects", "description", "ocr")},
        PLATE: {"kind": "text", "text": "Which plate?", "when": {"folder": "street"}},
        MAKER: {"kind": "text", "text": "Who made it?", "from": PLATE},
        COLOUR: {"kind": "text", "text": "Which colour?", "when": {"folder": "street", "plate": True}},
    },
    targets=["en"],
)
NAMES = tuple(prompt.name for prompt in PROMPTS)
ELSEWHERE, NO_PLATE = "it is asked only where folder has street", "there is no answer to plate"


def skip(connection: Connection, photo_id: int, prompt: PromptName, reason: str) -> None:
    answer(connection, photo_id, result(prompt, status=Status.SKIPPED, reason=reason))


@pytest.fixture
def skipped(connection: Connection) -> int:
    """A photo that was asked nothing, for it lies in no street."""
    photo_id = plant(connection, "garden/a.jpg", content=b"car", prompts=NAMES)
    for prompt, reason in ((PLATE, ELSEWHERE), (MAKER, NO_PLATE), (COLOUR, ELSEWHERE)):
        skip(connection, photo_id, prompt, reason)
    return photo_id


def reconsidered(connection: Connection, photo_id: int) -> set[str]:
    reconsider(connection, [photo_id], PROMPTS, fresh=True, now=NOW)
    return set(connection.scalars(select(jobs.c.prompt).where(jobs.c.photo_id == photo_id)))


def test_where_the_place_still_does_not_fit_nothing_is_asked(connection: Connection, skipped: int) -> None:
    plant(connection, "house/a.jpg", content=b"car", prompts=NAMES)
    assert reconsidered(connection, skipped) == set()


def test_where_it_fits_now_all_is_asked_with_what_follows_from_it(
    connection: Connection, skipped: int
) -> None:
    plant(connection, "street/a.jpg", content=b"car", prompts=NAMES)
    assert reconsidered(connection, skipped) == set(NAMES)
    assert connection.scalar(select(photos.c.state).where(photos.c.id == skipped)) == "partial"
    taken = lease(connection, "us", NOW)
    assert taken is not None
    assert INBOX / "street/a.jpg" in [file.path for file in taken.files]


def test_what_was_skipped_for_another_reason_stays_so(connection: Connection, skipped: int) -> None:
    skip(connection, skipped, PLATE, "it is asked only where objects has car")
    skip(connection, skipped, COLOUR, "it is asked only where objects has car")
    plant(connection, "street/a.jpg", content=b"car", prompts=NAMES)
    assert reconsidered(connection, skipped) == set()
