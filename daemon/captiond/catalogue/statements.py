"""The statements that run for every photo, built once.

Building one anew takes SQLAlchemy many times as long as running it takes SQLite. Values are bound by name:
`of_photo`, `of_prompt`, `of_file`, `now` (ISO 8601), lists in `of_photos` and `asked` (prompts).
"""

from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects.sqlite import Insert, insert

from .lists import JsonList, listed
from .staging import arrivals
from .tables import files, jobs, models, objects, photos, prompts, results, status, tile_replies

_PHOTO: BindParameter[int] = bindparam("of_photo")
_PHOTOS = listed("of_photos")
_PROMPT: BindParameter[str] = bindparam("of_prompt")
_FILE: BindParameter[int] = bindparam("of_file")

# Photos and the files that hold them.
_HOLDING = (files.c.photo_id == _PHOTO) & (files.c.state == "known")
_NEW_FILE = insert(files)
_NEVER_REPLACED = ("id", "path_bytes", "sidecar_sha256")

ADD_PHOTO = insert(photos).on_conflict_do_nothing(index_elements=["sha256"])
ADD_PHOTOS = (
    insert(photos)
    .from_select(
        ["name", "folder", "path", "inbox", "bytes", "sha256", "added_at", "updated_at"],
        select(
            *(arrivals.c[name] for name in ("name", "folder", "path", "inbox", "bytes", "sha256")),
            bindparam("now"),
            bindparam("now"),
        ).where(true()),
    )
    .on_conflict_do_nothing(index_elements=["sha256"])
)
"""In one statement, for at the end of each the search index is brought up to date."""
NEWEST_PHOTO = select(func.coalesce(func.max(photos.c.id), 0))
UPDATE_PHOTO = update(photos).where(photos.c.id == _PHOTO)
PHOTO = select(photos).where(photos.c.id == _PHOTO)
_ARRIVED_PHOTOS = arrivals.join(photos, photos.c.sha256 == arrivals.c.sha256, isouter=True)
"""An outer join, for its order is kept: after a stop with few photos SQLite takes photos for few."""
_PHOTOS_IN_ORDER = (
    select(photos.c.id).select_from(_ARRIVED_PHOTOS).order_by(literal_column("arrivals.rowid")).subquery()
)
PHOTOS_OF_ARRIVALS = select(func.json_group_array(_PHOTOS_IN_ORDER.c.id))
"""In one row: for each that is fetched, other threads would be waited for."""
PHOTOS_REPLACED = select(files.c.photo_id).where(
    files.c.path_bytes.in_(select(arrivals.c.path_bytes)), files.c.photo_id.is_not(None)
)
"""What the files were that lay where these lie now."""
FORGET_UNHELD = delete(photos).where(
    photos.c.missing == 1,
    ~exists().where(results.c.photo_id == photos.c.id),
    ~exists().where(jobs.c.photo_id == photos.c.id, jobs.c.state == "running"),
    (photos.c.state == "unreadable") | ~exists().where(files.c.photo_id == photos.c.id),
)
"""Half a copy, say: there is nothing to keep of bytes that no file holds and nobody has an answer about."""
FORGET_THOSE_UNHELD = FORGET_UNHELD.where(photos.c.id.in_(_PHOTOS))
_REPLACED = {
    column.name: _NEW_FILE.excluded[column.name] for column in files.c if column.name not in _NEVER_REPLACED
}
PUT_FILE = _NEW_FILE.on_conflict_do_update(index_elements=["path_bytes"], set_=_REPLACED)
_ARRIVED = {
    **{column.name: column for column in arrivals.c if column.name in files.c},
    "photo_id": photos.c.id,
    "state": literal("known"),
    "seen_at": bindparam("now"),
    "sidecar_dirty": photos.c.id <= bindparam("newest"),
}
PUT_FILES = (
    insert(files)
    .from_select(
        [*_ARRIVED],
        select(*_ARRIVED.values()).select_from(_ARRIVED_PHOTOS).where(true()),
    )
    .on_conflict_do_update(index_elements=["path_bytes"], set_=_REPLACED)
)
"""What is not named becomes NULL, as it is in a new row."""
DIGEST = select(photos.c.sha256).where(photos.c.id == _PHOTO)
UPDATE_FILE = update(files).where(files.c.id == _FILE)
HOLDING = select(files).where(_HOLDING).order_by(files.c.id)
HOLDERS = (
    select(files.c.photo_id, files.c.path, files.c.inbox)
    .where(files.c.photo_id.in_(_PHOTOS), files.c.state == "known")
    .order_by(files.c.absent_since.is_not(None), files.c.id)
)
"""The files that hold these photos, those first that the last scan saw."""
STAMPS = """SELECT path_bytes, device, inode, bytes, mtime_ns, ctime_ns FROM files
WHERE path_bytes IN (PLACES) AND ctime_ns IS NOT NULL"""

# Jobs: what a photo still has to be asked.
_ASKED = func.json_each(bindparam("asked", type_=JsonList)).table_valued("value")
_LACKING = (
    select(
        photos.c.id,
        _ASKED.c.value,
        literal("queued"),
        bindparam("fresh", type_=jobs.c.priority.type),
        bindparam("now", type_=jobs.c.queued_at.type),
    )
    .join_from(photos, _ASKED, true())
    .where(photos.c.state != "unreadable")
    .where(
        ~exists().where(
            results.c.photo_id == photos.c.id, results.c.prompt == _ASKED.c.value, results.c.current == 1
        )
    )
)
_REOPEN = update(photos).where(photos.c.state.in_(("done", "failed"))).values(state="partial", reason=None)
_SECOND_TRY = (jobs.c.state == "waiting") & (jobs.c.next_try_at <= bindparam("now"))
_SEEN = exists().where(
    files.c.photo_id == jobs.c.photo_id, files.c.state == "known", files.c.absent_since.is_(None)
)


SUSPICIOUS_CRASHES = 2
"""A photo that was in hand at so many ends of captiond is asked alone: only so is it known who did it."""

_SUSPECT = jobs.c.crashes >= SUSPICIOUS_CRASHES


def _queueing(lacking: Select[Any]) -> Insert:
    names = ["photo_id", "prompt", "state", "priority", "queued_at"]
    queueing = insert(jobs).from_select(names, lacking)
    return queueing.on_conflict_do_nothing(index_elements=["photo_id", "prompt"])


def _first_free(lane: ColumnElement[bool]) -> Select[int]:
    """Find a photo in this lane that nobody has in hand and whose bytes the last scan saw somewhere."""
    others, anybody = jobs.alias(), jobs.alias()
    in_hand = exists().where(others.c.photo_id == jobs.c.photo_id, others.c.state == "running")
    may_begin = ~_SUSPECT | ~exists().where(anybody.c.state == "running")
    return select(jobs.c.photo_id).where(lane, ~in_hand, _SEEN, may_begin).order_by(jobs.c.id).limit(1)


PUT_OFF_NO_LONGER = (
    update(jobs)
    .where(jobs.c.photo_id.in_(_PHOTOS), jobs.c.state == "waiting", jobs.c.tries == 0, jobs.c.crashes == 0)
    .values(state="queued", next_try_at=None, error=None)
)
"""Uncharged, they waited for what was away: a file, say, that is there again."""
QUEUE_LACKING = _queueing(_LACKING)
QUEUE_LACKING_OF_PHOTOS = _queueing(_LACKING.where(photos.c.id.in_(_PHOTOS)))
REOPEN = _REOPEN.where(photos.c.id.in_(select(jobs.c.photo_id).where(jobs.c.state == "queued")))
REOPEN_PHOTOS = _REOPEN.where(
    photos.c.id.in_(_PHOTOS), exists().where(jobs.c.photo_id == photos.c.id, jobs.c.state == "queued")
)
LANES: tuple[Select[int], ...] = (
    _first_free((jobs.c.state == "queued") & (jobs.c.priority == 1)),
    _first_free((jobs.c.state == "queued") & (jobs.c.priority == 0)),
    _first_free(_SECOND_TRY),
)
"""Fresh drops, the backlog, second tries."""
TAKE = (
    update(jobs)
    .where(or_(jobs.c.state == "queued", _SECOND_TRY), jobs.c.photo_id == _PHOTO)
    .values(state="running", owner=bindparam("by"), next_try_at=None)
)
_PAUSE = exists().where(status.c.subject == "paused")
IS_PAUSED = select(_PAUSE)
IS_HELD_UP = select(_PAUSE | exists().where(jobs.c.state == "running", _SUSPECT))
"""Whether nothing may be leased now: somebody wants a pause, or a suspect is in hand."""
_IS_BEGUN = exists().where(tile_replies.c.job_id == jobs.c.id)
IN_HAND = (
    select(jobs.c.id, jobs.c.prompt, jobs.c.tries, jobs.c.model, _IS_BEGUN.label("begun"))
    .where(jobs.c.photo_id == _PHOTO, jobs.c.state == "running")
    .order_by(jobs.c.id)
)
WISHED_MODELS = select(jobs.c.model).where(jobs.c.model.is_not(None)).distinct().order_by(jobs.c.model)
IS_DUE_EVER = select(exists().where(jobs.c.state.in_(("queued", "running", "waiting")), _SEEN))
DUE_UNTIL = select(jobs.c.id).where(jobs.c.state.in_(("queued", "running")) | _SECOND_TRY, _SEEN)
OPEN_JOBS = select(
    func.count(jobs.c.id).label("open"),
    func.count().filter(jobs.c.state == "failed").label("failed"),
    func.max(jobs.c.error).label("error"),
).where(jobs.c.photo_id == _PHOTO)
ANSWERED = (
    select(func.count()).select_from(results).where(results.c.photo_id == _PHOTO, results.c.current == 1)
)
SET_STATE = update(photos).where(photos.c.id == _PHOTO, photos.c.state != "unreadable")
JOB_DONE = delete(jobs).where(jobs.c.photo_id == _PHOTO, jobs.c.prompt == _PROMPT)
ASK_AGAIN = (
    update(jobs)
    .where(jobs.c.photo_id == _PHOTO, jobs.c.prompt == _PROMPT)
    .where(jobs.c.state == "running", jobs.c.next_try_at.is_not(None))
    .values(state="queued", owner=None, next_try_at=None, tries=0, error=None)
)
"""Only a job that somebody wanted asked again while it was in hand has a time for its next try there."""

# Results, and the summary of them.
_RANK = case(
    (results.c.status == "skipped", 0),  # nobody's answer, whoever confirmed it
    (results.c.source == "human", 2),
    (results.c.source == "import", 1),
    else_=0,
)
_OF_PROMPT = (results.c.photo_id == _PHOTO) & (results.c.prompt == _PROMPT)

ADD_RESULT = insert(results)
BEST_RESULT = (
    select(results.c.id)
    .where(_OF_PROMPT, results.c.status != "rejected")
    .order_by(_RANK.desc(), results.c.id.desc())
    .limit(1)
)
NONE_CURRENT = update(results).where(_OF_PROMPT, results.c.current == 1).values(current=0)
MAKE_CURRENT = update(results).where(results.c.id == bindparam("best")).values(current=1)
CURRENT_RESULT = select(results).where(_OF_PROMPT, results.c.current == 1)
SKIPPED = select(results.c.photo_id, results.c.prompt, results.c.reason).where(
    results.c.photo_id.in_(_PHOTOS), results.c.current == 1, results.c.status == "skipped"
)
IS_EDITED = select(
    exists().where(results.c.photo_id == _PHOTO, results.c.source == "human", results.c.current == 1)
)
FORGET_OBJECTS = delete(objects).where(objects.c.photo_id == _PHOTO)
ADD_OBJECTS = insert(objects).on_conflict_do_nothing()
IDENTITIES = {
    table: select(table.c.id).where(*(table.c[name] == bindparam(f"the_{name}") for name in names))
    for table, names in ((prompts, ("name", "version")), (models, ("name", "digest", "server")))
}
ALL_RESULTS = (
    select(results)
    .add_columns(
        prompts.c.version.label("prompt_version"),
        models.c.name.label("model_name"),
        models.c.digest,
        models.c.family,
        models.c.parameters,
        models.c.quantization,
        models.c.server,
    )
    .select_from(
        results.outerjoin(prompts, prompts.c.id == results.c.prompt_id).outerjoin(
            models, models.c.id == results.c.model_id
        )
    )
    .order_by(results.c.id)
)
"""Results with the prompt version and the model that they came from."""
CURRENT_RESULTS = ALL_RESULTS.where(results.c.photo_id == _PHOTO, results.c.current == 1)

# Sidecars that are older than their photo's results.
_DUE = select(files).where(
    files.c.sidecar_dirty > 0,
    # The plus keeps SQLite from the index of a state that nearly all files have.
    text("+files.state = 'known'"),
    exists().where(results.c.photo_id == files.c.photo_id, results.c.current == 1),
    ~exists().where(jobs.c.photo_id == files.c.photo_id, jobs.c.state == "running"),
)
_CHANGES_AND_ID = (files.c.sidecar_dirty, files.c.id)

SIDECARS_DUE = (
    _DUE.where(tuple_(*_CHANGES_AND_ID) > tuple_(bindparam("after_changes"), bindparam("after_file")))
    .where(files.c.inbox.in_(listed("of_inboxes")))
    .order_by(*_CHANGES_AND_ID)
    .limit(bindparam("at_most"))
)
"""In the order of an index that holds none but these: a million others cost nothing."""
SIDECARS_DUE_OF_PHOTOS = SIDECARS_DUE.where(files.c.photo_id.in_(_PHOTOS))
SIDECAR_DUE = _DUE.where(files.c.id == _FILE)
SIDECARS_CHANGED = update(files).where(_HOLDING).values(sidecar_dirty=files.c.sidecar_dirty + 1)
SIDECAR_WRITTEN = (
    update(files)
    .where(files.c.id == _FILE, files.c.sidecar_dirty == bindparam("changes"))
    .values(sidecar_dirty=0)
)
