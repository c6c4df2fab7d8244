"""A catalogue on disk in which everything has happened once, for what reads it."""

from datetime import timedelta
from pathlib import Path

from captiond.catalogue.database import close_for_readers, open_to_write
from captiond.catalogue.intake import note_missing, note_unread
from captiond.catalogue.jobs import charge, lease, reject, say
from captiond.catalogue.results import add_prompt_columns, note_sidecar, sidecars_due
from captiond.catalogue.tile_replies import keep
from captiond.digests import digest
from captiond.model import KeptReply, Reply, Source
from catalogue.planting import (
    DESCRIPTION,
    INBOX,
    MODEL,
    MOOD,
    NOW,
    OBJECTS,
    OCR,
    answer,
    original,
    photo,
    plant,
    result,
)


def fill(path: Path, *, in_hand: bool = False) -> Path:
    """Make a catalogue with done, waiting, failed, unreadable, refused, skipped and missing pictures."""
    engine = open_to_write(path, NOW)
    with engine.begin() as connection:
        add_prompt_columns(connection, [MOOD])
        sign = photo(
            connection,
            "2024/kenya/IMG_2041.jpg",
            description="An elephant stands beside a yellow sign.",
            objects=["elephant", "road sign"],
            text="Attention !\nÉléphants en liberté",
            language="fr",
            translation="Caution!\nElephants roaming free",
            taken_at="2024-07-14T16:21:09",
            mood="calm",
        )
        plant(connection, "copies/other.jpg", content=b"2024/kenya/IMG_2041.jpg")
        (due,) = [
            due
            for due in sidecars_due(connection, 9, [INBOX], [sign])
            if due.file.path.name == "IMG_2041.jpg"
        ]
        note_sidecar(connection, due, sha256=None, reason="edited by hand")
        photo(connection, "2024/kenya/IMG_2042.jpg", description="A giraffe\x1b[31m\u202e.")
        corrected = photo(connection, "corrected.jpg", description="A rhinoceros.")
        answer(connection, corrected, result(DESCRIPTION, "A hippo.", source=Source.HUMAN))
        queued = plant(connection, "queued.jpg", prompts=(OBJECTS, OCR), fresh=True)
        for kept in (
            KeptReply(Reply("Attention !", "stop", MODEL)),
            KeptReply(Reply("", "stop", MODEL), "odd"),
        ):
            keep(connection, queued, OCR, digest(kept.broken), kept)
        if in_hand:
            lease(connection, "me", NOW)
        waiting = plant(connection, "waiting.jpg", prompts=(OCR,))
        again = NOW + timedelta(hours=1)
        charge(connection, waiting, [OCR], reason="it looped.", tries_allowed=3, next_try_at=again)
        failed = plant(connection, "failed.jpg", prompts=(OCR,))
        charge(connection, failed, [OCR], reason="it was empty", tries_allowed=1, next_try_at=NOW)
        reject(connection, plant(connection, "broken.jpg"), "it ends too soon", NOW)
        photo(connection, "gone.jpg", description="A boat.")
        note_missing(connection, [INBOX / "gone.jpg"])
        for name, state in (("clip.mov", "skipped"), ("new.heic", "refused")):
            stamp = original(name).file.stamp
            note_unread(connection, INBOX, INBOX / name, stamp, state=state, reason=f"{name} is odd", now=NOW)
        say(connection, "daemon", "2 photos wait: Ollama does not answer", NOW)
    close_for_readers(engine)
    return path
