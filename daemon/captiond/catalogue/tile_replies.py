"""Writes about answers that are read from tiles, and are not there yet: the replies that came back so far.

They go with their job, and when it is begun anew: charged, tried again or redone (migration 0004).
"""

import json
from dataclasses import asdict

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects.sqlite import insert

from captiond.model import KeptReply, ModelIdentity, PromptName, Reply

from .tables import jobs, tile_replies

_VALUES = [bindparam(name, type_=tile_replies.c[name].type) for name in ("question", "reply", "broken")]
_OF_JOB = select(jobs.c.id, *_VALUES).where(
    jobs.c.photo_id == bindparam("of_photo"), jobs.c.prompt == bindparam("of_prompt")
)
_KEEP = insert(tile_replies).from_select(list(tile_replies.c), _OF_JOB).on_conflict_do_nothing()
_KEPT = select(tile_replies).where(tile_replies.c.job_id == bindparam("of_job"))


def keep(connection: Connection, photo_id: int, prompt: PromptName, question: str, reply: KeptReply) -> None:
    """Keep what came back to a question (its digest), as long as its job is open."""
    about = {"of_photo": photo_id, "of_prompt": prompt, "question": question}
    written = {"reply": json.dumps(asdict(reply.reply)), "broken": reply.broken}
    connection.execute(_KEEP, {**about, **written})


def kept(connection: Connection, job_id: int) -> dict[str, KeptReply]:
    """Give what came back already for a job, by the digests of its questions."""
    read = ((row, _reply_from(row.reply)) for row in connection.execute(_KEPT, {"of_job": job_id}))
    return {row.question: KeptReply(reply, row.broken) for row, reply in read if reply is not None}


def _reply_from(written: str) -> Reply | None:
    """Read a reply; None where another version wrote it otherwise: then it is asked for again."""
    try:
        fields = json.loads(written)
        return Reply(**{**fields, "model": ModelIdentity(**fields["model"])})
    except (ValueError, TypeError, KeyError):
        return None
