"""The first catalogue: photos that people read, results that are the truth, jobs that are due."""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE photos (                    -- one row for each distinct picture: what people read
  id          INTEGER NOT NULL PRIMARY KEY,
  name        TEXT NOT NULL,             -- IMG_2041.jpg
  folder      TEXT NOT NULL,             -- 2024/botswana
  path        TEXT NOT NULL,             -- 2024/botswana/IMG_2041.jpg, relative to the inbox
  inbox       TEXT NOT NULL,
  taken_at    TEXT,
  description TEXT,
  alt_text    TEXT,
  objects     TEXT CHECK (objects IS NULL OR json_valid(objects)),  -- ["elephant","road sign"]
  text        TEXT,                      -- NULL and state 'done': there is no text in the picture
  language    TEXT,                      -- of text, BCP 47; 'und' where it is not known
  translation TEXT,
  answers     TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(answers)),  -- of the prompts you added
  state       TEXT NOT NULL DEFAULT 'queued'
              CHECK (state IN ('queued', 'partial', 'done', 'failed', 'unreadable')),
  reason      TEXT,                      -- why it is failed or unreadable
  edited      INTEGER NOT NULL DEFAULT 0,  -- 1: a person corrected or confirmed something
  copies      INTEGER NOT NULL DEFAULT 1,
  missing     INTEGER NOT NULL DEFAULT 0,  -- 1: no file has this content any more
  format      TEXT,
  width       INTEGER,
  height      INTEGER,
  bytes       INTEGER NOT NULL,
  camera      TEXT,
  latitude    REAL,
  longitude   REAL,
  sha256      TEXT NOT NULL UNIQUE,
  added_at    TEXT NOT NULL,
  updated_at  TEXT NOT NULL,
  year        INTEGER GENERATED ALWAYS AS (CAST(substr(taken_at, 1, 4) AS INTEGER)) VIRTUAL
);
CREATE INDEX photos_taken ON photos (taken_at);
CREATE INDEX photos_added ON photos (added_at);
CREATE INDEX photos_folder ON photos (folder);
CREATE INDEX photos_year ON photos (year);
CREATE INDEX photos_state ON photos (state);
CREATE INDEX photos_language ON photos (language);

CREATE TABLE files (                     -- where that picture lies; copies and renames live here
  id             INTEGER NOT NULL PRIMARY KEY,
  path           TEXT NOT NULL,          -- readable, relative to the inbox
  inbox          TEXT NOT NULL,
  path_bytes     BLOB NOT NULL UNIQUE,   -- the exact absolute path
  photo_id       INTEGER REFERENCES photos (id) ON DELETE CASCADE,
  state          TEXT NOT NULL CHECK (state IN ('known', 'skipped', 'refused', 'missing')),
  reason         TEXT,
  format         TEXT,                   -- what a refused file is, where it was recognised
  bytes          INTEGER,
  device         INTEGER,
  inode          INTEGER,
  mtime_ns       INTEGER,
  ctime_ns       INTEGER,
  seen_at        TEXT NOT NULL,
  absent_since   TEXT,                   -- when a scan missed it first
  sidecar_dirty  INTEGER NOT NULL DEFAULT 0,  -- how many changes the sidecar does not tell yet
  sidecar_sha256 TEXT,                   -- of the sidecar that we wrote last
  sidecar_reason TEXT                    -- why there is no sidecar of ours
);
CREATE INDEX files_photo ON files (photo_id);
CREATE INDEX files_state ON files (state);
CREATE INDEX files_sidecar_dirty ON files (sidecar_dirty);
CREATE INDEX files_absent_since ON files (absent_since);

CREATE TABLE models (
  id            INTEGER NOT NULL PRIMARY KEY,
  name          TEXT NOT NULL,
  digest        TEXT NOT NULL,
  family        TEXT,
  parameters    TEXT,
  quantization  TEXT,
  server        TEXT NOT NULL DEFAULT '',
  first_used_at TEXT NOT NULL,
  UNIQUE (name, digest, server)
);

CREATE TABLE prompts (
  id            INTEGER NOT NULL PRIMARY KEY,
  name          TEXT NOT NULL,
  version       TEXT NOT NULL,           -- changes whenever something changes that decides the answer
  kind          TEXT NOT NULL,
  text          TEXT NOT NULL,
  schema        TEXT,
  options       TEXT,
  first_used_at TEXT NOT NULL,
  UNIQUE (name, version)
);

CREATE TABLE results (                   -- the truth: every answer of every model and person; rows only added
  id            INTEGER NOT NULL PRIMARY KEY,
  photo_id      INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
  prompt        TEXT NOT NULL,
  source        TEXT NOT NULL CHECK (source IN ('model', 'human', 'import')),
  status        TEXT NOT NULL CHECK (status IN ('ok', 'empty', 'skipped', 'rejected')),
  value         TEXT,
  content       TEXT CHECK (content IS NULL OR json_valid(content)),
  language      TEXT,
  reason        TEXT,
  from_prompt   TEXT,                    -- asked about that answer, not about the picture
  prompt_id     INTEGER REFERENCES prompts (id),
  model_id      INTEGER REFERENCES models (id),
  created_at    TEXT NOT NULL,
  seconds       REAL,
  load_seconds  REAL,
  prompt_tokens INTEGER,
  output_tokens INTEGER,
  finish        TEXT,
  raw           TEXT,                    -- the untouched reply, where cleaning changed or refused it
  current       INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX results_current ON results (photo_id, prompt) WHERE current = 1;
CREATE INDEX results_photo ON results (photo_id, prompt, id);

CREATE TABLE objects (
  photo_id INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
  name     TEXT NOT NULL,
  PRIMARY KEY (photo_id, name)
) WITHOUT ROWID;
CREATE INDEX objects_name ON objects (name);

CREATE TABLE jobs (                      -- what is still to be asked; a row goes when its answer is there
  id          INTEGER NOT NULL PRIMARY KEY,
  photo_id    INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
  prompt      TEXT NOT NULL,
  state       TEXT NOT NULL CHECK (state IN ('queued', 'running', 'waiting', 'failed')),
  priority    INTEGER NOT NULL DEFAULT 0,  -- 1: a fresh drop, ahead of the backlog
  tries       INTEGER NOT NULL DEFAULT 0,  -- charged to the photo
  crashes     INTEGER NOT NULL DEFAULT 0,  -- captiond itself ended while it was running
  owner       TEXT,
  next_try_at TEXT,
  error       TEXT,
  queued_at   TEXT NOT NULL,
  UNIQUE (photo_id, prompt)
);
CREATE INDEX jobs_next ON jobs (state, priority, id);

CREATE TABLE events (                    -- what happened, for people: outages, refusals, conflicts
  id       INTEGER NOT NULL PRIMARY KEY,
  at       TEXT NOT NULL,
  kind     TEXT NOT NULL,
  photo_id INTEGER REFERENCES photos (id) ON DELETE SET NULL,
  sentence TEXT NOT NULL
);

CREATE TABLE status (                    -- what the running daemon says of itself
  subject  TEXT NOT NULL PRIMARY KEY,
  sentence TEXT NOT NULL,
  content  TEXT CHECK (content IS NULL OR json_valid(content)),
  at       TEXT NOT NULL
);

CREATE VIEW texts AS
  SELECT id, path, language, text, translation FROM photos WHERE text IS NOT NULL;
CREATE VIEW problems AS
  SELECT path, NULL AS prompt, state, reason, NULL AS next_try_at FROM photos
    WHERE state = 'unreadable'
  UNION ALL
  SELECT p.path, j.prompt, j.state, j.error, j.next_try_at
    FROM jobs j JOIN photos p ON p.id = j.photo_id WHERE j.error IS NOT NULL
  UNION ALL
  SELECT path, NULL, state, reason, NULL FROM files WHERE state = 'refused'
  UNION ALL
  SELECT path, 'sidecar', 'kept', sidecar_reason, NULL FROM files WHERE sidecar_reason IS NOT NULL;
CREATE VIEW history AS
  SELECT p.path, r.prompt, r.source, r.status, r.value, r.reason, m.name AS model,
         q.version AS prompt_version, r.created_at, r.seconds, r.current
    FROM results r JOIN photos p ON p.id = r.photo_id
    LEFT JOIN models m ON m.id = r.model_id LEFT JOIN prompts q ON q.id = r.prompt_id;
"""

# Double quotes round the content table: Datasette and sqlite-utils find the search only then.
SEARCH = """
CREATE VIRTUAL TABLE photos_fts USING fts5 (
  name, description, objects, text, translation, answers,
  content="photos", content_rowid="id",
  tokenize="porter unicode61 remove_diacritics 2"
);
INSERT INTO photos_fts (photos_fts, rank) VALUES ('rank', 'bm25(2.0, 6.0, 8.0, 4.0, 4.0, 2.0)');
"""

TRIGGERS = (
    """
CREATE TRIGGER photos_fts_insert AFTER INSERT ON photos BEGIN
  INSERT INTO photos_fts (rowid, name, description, objects, text, translation, answers)
  VALUES (new.id, new.name, new.description, new.objects, new.text, new.translation, new.answers);
END""",
    """
CREATE TRIGGER photos_fts_delete AFTER DELETE ON photos BEGIN
  INSERT INTO photos_fts (photos_fts, rowid, name, description, objects, text, translation, answers)
  VALUES ('delete', old.id, old.name, old.description, old.objects, old.text, old.translation, old.answers);
END""",
    """
CREATE TRIGGER photos_fts_update AFTER UPDATE OF name, description, objects, text, translation, answers
ON photos BEGIN
  INSERT INTO photos_fts (photos_fts, rowid, name, description, objects, text, translation, answers)
  VALUES ('delete', old.id, old.name, old.description, old.objects, old.text, old.translation, old.answers);
  INSERT INTO photos_fts (rowid, name, description, objects, text, translation, answers)
  VALUES (new.id, new.name, new.description, new.objects, new.text, new.translation, new.answers);
END""",
)


def upgrade() -> None:
    connection = op.get_bind()
    statements = [*(TABLES + SEARCH).split(";\n"), *TRIGGERS]
    for statement in filter(str.strip, statements):
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql("PRAGMA application_id = 1128353876")  # 'CAPT', so that file(1) can name it
    connection.exec_driver_sql("PRAGMA user_version = 1")
