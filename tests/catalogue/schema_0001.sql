-- A catalogue of schema 0001 in which everything has happened once.
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
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
, "mood" TEXT GENERATED ALWAYS AS (json_extract(answers, '$.mood')) VIRTUAL);
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
CREATE VIRTUAL TABLE photos_fts USING fts5 (
  name, description, objects, text, translation, answers,
  content="photos", content_rowid="id",
  tokenize="porter unicode61 remove_diacritics 2"
);
CREATE TRIGGER photos_fts_insert AFTER INSERT ON photos BEGIN
  INSERT INTO photos_fts (rowid, name, description, objects, text, translation, answers)
  VALUES (new.id, new.name, new.description, new.objects, new.text, new.translation, new.answers);
END;
CREATE TRIGGER photos_fts_delete AFTER DELETE ON photos BEGIN
  INSERT INTO photos_fts (photos_fts, rowid, name, description, objects, text, translation, answers)
  VALUES ('delete', old.id, old.name, old.description, old.objects, old.text, old.translation, old.answers);
END;
CREATE TRIGGER photos_fts_update AFTER UPDATE OF name, description, objects, text, translation, answers
ON photos BEGIN
  INSERT INTO photos_fts (photos_fts, rowid, name, description, objects, text, translation, answers)
  VALUES ('delete', old.id, old.name, old.description, old.objects, old.text, old.translation, old.answers);
  INSERT INTO photos_fts (rowid, name, description, objects, text, translation, answers)
  VALUES (new.id, new.name, new.description, new.objects, new.text, new.translation, new.answers);
END;
INSERT INTO photos_fts (photos_fts, rank) VALUES ('rank', 'bm25(2.0, 6.0, 8.0, 4.0, 4.0, 2.0)');
INSERT INTO alembic_version ("version_num") VALUES ('0001');
INSERT INTO photos ("id","name","folder","path","inbox","taken_at","description","alt_text","objects","text","language","translation","answers","state","reason","edited","copies","missing","format","width","height","bytes","camera","latitude","longitude","sha256","added_at","updated_at") VALUES (1,'IMG_2041.jpg','2024/kenya','2024/kenya/IMG_2041.jpg','/photos','2024-07-14T16:21:09','An elephant stands beside a yellow sign.',NULL,'["elephant", "road sign"]','Attention !
Éléphants en liberté','fr','Caution!
Elephants roaming free','{"mood":"calm"}','done',NULL,0,2,0,'JPEG',400,300,23,'Canon EOS R',NULL,NULL,'162f19411d447c79898edb2b430d7d4a688a19f3595372bee413c1ade48158b2','2026-05-01T10:00:00Z','2026-05-01T10:00:00Z');
INSERT INTO photos ("id","name","folder","path","inbox","taken_at","description","alt_text","objects","text","language","translation","answers","state","reason","edited","copies","missing","format","width","height","bytes","camera","latitude","longitude","sha256","added_at","updated_at") VALUES (2,'IMG_2042.jpg','2024/kenya','2024/kenya/IMG_2042.jpg','/photos',NULL,'A giraffe[31m‮.',NULL,'[]',NULL,NULL,NULL,'{}','done',NULL,0,1,0,'JPEG',400,300,23,'Canon EOS R',NULL,NULL,'463aa56ad01346ede89b340dd239145b039818806bd80a1a1cc2a975bfd95fdf','2026-05-01T10:00:00Z','2026-05-01T10:00:00Z');
INSERT INTO photos ("id","name","folder","path","inbox","taken_at","description","alt_text","objects","text","language","translation","answers","state","reason","edited","copies","missing","format","width","height","bytes","camera","latitude","longitude","sha256","added_at","updated_at") VALUES (3,'corrected.jpg','','corrected.jpg','/photos',NULL,'A hippo.',NULL,'[]',NULL,NULL,NULL,'{}','done',NULL,1,1,0,'JPEG',400,300,13,'Canon EOS R',NULL,NULL,'0697176732fe018a94234e80112ee426e82937844a2598b76afc41c355b2a126','2026-05-01T10:00:00Z','2026-05-01T10:00:00Z');
INSERT INTO photos ("id","name","folder","path","inbox","taken_at","description","alt_text","objects","text","language","translation","answers","state","reason","edited","copies","missing","format","width","height","bytes","camera","latitude","longitude","sha256","added_at","updated_at") VALUES (4,'queued.jpg','','queued.jpg','/photos',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'{}','queued',NULL,0,1,0,NULL,NULL,NULL,10,NULL,NULL,NULL,'9d61bb987ae6f5afbbb95d62defd292fae10a80f952b0f1e5fb4c572f8324b41','2026-05-01T10:00:00Z','2026-05-01T10:00:00Z');
INSERT INTO photos ("id","name","folder","path","inbox","taken_at","description","alt_text","objects","text","language","translation","answers","state","reason","edited","copies","missing","format","width","height","bytes","camera","latitude","longitude","sha256","added_at","updated_at") VALUES (5,'waiting.jpg','','waiting.jpg','/photos',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'{}','queued',NULL,0,1,0,NULL,NULL,NULL,11,NULL,NULL,NULL,'bea2cd8e06f0cebfca623f64f699fa005916e381054f48fa517995b11f3610d8','2026-05-01T10:00:00Z','2026-05-01T10:00:00Z');
INSERT INTO photos ("id","name","folder","path","inbox","taken_at","description","alt_text","objects","text","language","translation","answers","state","reason","edited","copies","missing","format","width","height","bytes","camera","latitude","longitude","sha256","added_at","updated_at") VALUES (6,'failed.jpg','','failed.jpg','/photos',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'{}','failed','it was empty',0,1,0,NULL,NULL,NULL,10,NULL,NULL,NULL,'6f3e26b7b4e4a9c4b8a34b2e316b58bea88ef805813b85d284e72c1f324bcd21','2026-05-01T10:00:00Z','2026-05-01T10:00:00Z');
INSERT INTO photos ("id","name","folder","path","inbox","taken_at","description","alt_text","objects","text","language","translation","answers","state","reason","edited","copies","missing","format","width","height","bytes","camera","latitude","longitude","sha256","added_at","updated_at") VALUES (7,'broken.jpg','','broken.jpg','/photos',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'{}','unreadable','it ends too soon',0,1,0,NULL,NULL,NULL,10,NULL,NULL,NULL,'1d822460148f77fa7059729cb8aa9504621e1e6f205d0aaddaf60007ce405fff','2026-05-01T10:00:00Z','2026-05-01T10:00:00Z');
INSERT INTO photos ("id","name","folder","path","inbox","taken_at","description","alt_text","objects","text","language","translation","answers","state","reason","edited","copies","missing","format","width","height","bytes","camera","latitude","longitude","sha256","added_at","updated_at") VALUES (8,'gone.jpg','','gone.jpg','/photos',NULL,'A boat.',NULL,'[]',NULL,NULL,NULL,'{}','done',NULL,0,0,1,'JPEG',400,300,8,'Canon EOS R',NULL,NULL,'9b6171f2cfda0d9013f90ef6e256652b98b18d74443792203e2ae8021f90d1a2','2026-05-01T10:00:00Z','2026-05-01T10:00:00Z');
INSERT INTO files ("id","path","inbox","path_bytes","photo_id","state","reason","format","bytes","device","inode","mtime_ns","ctime_ns","seen_at","absent_since","sidecar_dirty","sidecar_sha256","sidecar_reason") VALUES (1,'2024/kenya/IMG_2041.jpg','/photos',X'2F70686F746F732F323032342F6B656E79612F494D475F323034312E6A7067',1,'known',NULL,NULL,23,1,-9223372036854775785,3,4,'2026-05-01T10:00:00Z',NULL,0,NULL,'edited by hand');
INSERT INTO files ("id","path","inbox","path_bytes","photo_id","state","reason","format","bytes","device","inode","mtime_ns","ctime_ns","seen_at","absent_since","sidecar_dirty","sidecar_sha256","sidecar_reason") VALUES (2,'copies/other.jpg','/photos',X'2F70686F746F732F636F706965732F6F746865722E6A7067',1,'known',NULL,NULL,23,1,-9223372036854775792,3,4,'2026-05-01T10:00:00Z',NULL,1,NULL,NULL);
INSERT INTO files ("id","path","inbox","path_bytes","photo_id","state","reason","format","bytes","device","inode","mtime_ns","ctime_ns","seen_at","absent_since","sidecar_dirty","sidecar_sha256","sidecar_reason") VALUES (3,'2024/kenya/IMG_2042.jpg','/photos',X'2F70686F746F732F323032342F6B656E79612F494D475F323034322E6A7067',2,'known',NULL,NULL,23,1,-9223372036854775785,3,4,'2026-05-01T10:00:00Z',NULL,5,NULL,NULL);
INSERT INTO files ("id","path","inbox","path_bytes","photo_id","state","reason","format","bytes","device","inode","mtime_ns","ctime_ns","seen_at","absent_since","sidecar_dirty","sidecar_sha256","sidecar_reason") VALUES (4,'corrected.jpg','/photos',X'2F70686F746F732F636F727265637465642E6A7067',3,'known',NULL,NULL,13,1,-9223372036854775795,3,4,'2026-05-01T10:00:00Z',NULL,6,NULL,NULL);
INSERT INTO files ("id","path","inbox","path_bytes","photo_id","state","reason","format","bytes","device","inode","mtime_ns","ctime_ns","seen_at","absent_since","sidecar_dirty","sidecar_sha256","sidecar_reason") VALUES (5,'queued.jpg','/photos',X'2F70686F746F732F7175657565642E6A7067',4,'known',NULL,NULL,10,1,-9223372036854775798,3,4,'2026-05-01T10:00:00Z',NULL,1,NULL,NULL);
INSERT INTO files ("id","path","inbox","path_bytes","photo_id","state","reason","format","bytes","device","inode","mtime_ns","ctime_ns","seen_at","absent_since","sidecar_dirty","sidecar_sha256","sidecar_reason") VALUES (6,'waiting.jpg','/photos',X'2F70686F746F732F77616974696E672E6A7067',5,'known',NULL,NULL,11,1,-9223372036854775797,3,4,'2026-05-01T10:00:00Z',NULL,1,NULL,NULL);
INSERT INTO files ("id","path","inbox","path_bytes","photo_id","state","reason","format","bytes","device","inode","mtime_ns","ctime_ns","seen_at","absent_since","sidecar_dirty","sidecar_sha256","sidecar_reason") VALUES (7,'failed.jpg','/photos',X'2F70686F746F732F6661696C65642E6A7067',6,'known',NULL,NULL,10,1,-9223372036854775798,3,4,'2026-05-01T10:00:00Z',NULL,2,NULL,NULL);
INSERT INTO files ("id","path","inbox","path_bytes","photo_id","state","reason","format","bytes","device","inode","mtime_ns","ctime_ns","seen_at","absent_since","sidecar_dirty","sidecar_sha256","sidecar_reason") VALUES (8,'broken.jpg','/photos',X'2F70686F746F732F62726F6B656E2E6A7067',7,'known',NULL,NULL,10,1,-9223372036854775798,3,4,'2026-05-01T10:00:00Z',NULL,1,NULL,NULL);
INSERT INTO files ("id","path","inbox","path_bytes","photo_id","state","reason","format","bytes","device","inode","mtime_ns","ctime_ns","seen_at","absent_since","sidecar_dirty","sidecar_sha256","sidecar_reason") VALUES (9,'gone.jpg','/photos',X'2F70686F746F732F676F6E652E6A7067',8,'missing',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'2026-05-01T10:00:00Z',NULL,5,NULL,NULL);
INSERT INTO files ("id","path","inbox","path_bytes","photo_id","state","reason","format","bytes","device","inode","mtime_ns","ctime_ns","seen_at","absent_since","sidecar_dirty","sidecar_sha256","sidecar_reason") VALUES (10,'clip.mov','/photos',X'2F70686F746F732F636C69702E6D6F76',NULL,'skipped','clip.mov is odd',NULL,8,1,-9223372036854775800,3,4,'2026-05-01T10:00:00Z',NULL,0,NULL,NULL);
INSERT INTO files ("id","path","inbox","path_bytes","photo_id","state","reason","format","bytes","device","inode","mtime_ns","ctime_ns","seen_at","absent_since","sidecar_dirty","sidecar_sha256","sidecar_reason") VALUES (11,'new.heic','/photos',X'2F70686F746F732F6E65772E68656963',NULL,'refused','new.heic is odd',NULL,8,1,-9223372036854775800,3,4,'2026-05-01T10:00:00Z',NULL,0,NULL,NULL);
INSERT INTO models ("id","name","digest","family","parameters","quantization","server","first_used_at") VALUES (1,'llava:13b','sha256:0d0e','llama','13B','Q4_0','ollama 0.33','2026-05-01T10:00:00Z');
INSERT INTO prompts ("id","name","version","kind","text","schema","options","first_used_at") VALUES (1,'objects','5b1e0c97ad42','list','What is it?',NULL,'{"num_predict": 300}','2026-05-01T10:00:00Z');
INSERT INTO prompts ("id","name","version","kind","text","schema","options","first_used_at") VALUES (2,'description','5b1e0c97ad42','text','What is it?',NULL,'{"num_predict": 300}','2026-05-01T10:00:00Z');
INSERT INTO prompts ("id","name","version","kind","text","schema","options","first_used_at") VALUES (3,'ocr','5b1e0c97ad42','text','What is it?',NULL,'{"num_predict": 300}','2026-05-01T10:00:00Z');
INSERT INTO prompts ("id","name","version","kind","text","schema","options","first_used_at") VALUES (4,'translation','5b1e0c97ad42','text','What is it?',NULL,'{"num_predict": 300}','2026-05-01T10:00:00Z');
INSERT INTO prompts ("id","name","version","kind","text","schema","options","first_used_at") VALUES (5,'mood','5b1e0c97ad42','text','What is it?',NULL,'{"num_predict": 300}','2026-05-01T10:00:00Z');
INSERT INTO results ("id","photo_id","prompt","source","status","value","content","language","reason","from_prompt","prompt_id","model_id","created_at","seconds","load_seconds","prompt_tokens","output_tokens","finish","raw","current") VALUES (1,1,'objects','model','ok','elephant, road sign','["elephant", "road sign"]',NULL,NULL,NULL,1,1,'2026-05-01T10:00:00Z',2.5,0.1,600,30,'stop',NULL,1);
INSERT INTO results ("id","photo_id","prompt","source","status","value","content","language","reason","from_prompt","prompt_id","model_id","created_at","seconds","load_seconds","prompt_tokens","output_tokens","finish","raw","current") VALUES (2,1,'description','model','ok','An elephant stands beside a yellow sign.',NULL,NULL,NULL,NULL,2,1,'2026-05-01T10:00:00Z',2.5,0.1,600,30,'stop',NULL,1);
INSERT INTO results ("id","photo_id","prompt","source","status","value","content","language","reason","from_prompt","prompt_id","model_id","created_at","seconds","load_seconds","prompt_tokens","output_tokens","finish","raw","current") VALUES (3,1,'ocr','model','ok','Attention !
Éléphants en liberté',NULL,'fr',NULL,NULL,3,1,'2026-05-01T10:00:00Z',2.5,0.1,600,30,'stop',NULL,1);
INSERT INTO results ("id","photo_id","prompt","source","status","value","content","language","reason","from_prompt","prompt_id","model_id","created_at","seconds","load_seconds","prompt_tokens","output_tokens","finish","raw","current") VALUES (4,1,'translation','model','ok','Caution!
Elephants roaming free',NULL,'en',NULL,NULL,4,1,'2026-05-01T10:00:00Z',2.5,0.1,600,30,'stop',NULL,1);
INSERT INTO results ("id","photo_id","prompt","source","status","value","content","language","reason","from_prompt","prompt_id","model_id","created_at","seconds","load_seconds","prompt_tokens","output_tokens","finish","raw","current") VALUES (5,1,'mood','model','ok','calm',NULL,NULL,NULL,NULL,5,1,'2026-05-01T10:00:00Z',2.5,0.1,600,30,'stop',NULL,1);
INSERT INTO results ("id","photo_id","prompt","source","status","value","content","language","reason","from_prompt","prompt_id","model_id","created_at","seconds","load_seconds","prompt_tokens","output_tokens","finish","raw","current") VALUES (6,2,'objects','model','ok','','[]',NULL,NULL,NULL,1,1,'2026-05-01T10:00:00Z',2.5,0.1,600,30,'stop',NULL,1);
INSERT INTO results ("id","photo_id","prompt","source","status","value","content","language","reason","from_prompt","prompt_id","model_id","created_at","seconds","load_seconds","prompt_tokens","output_tokens","finish","raw","current") VALUES (7,2,'description','model','ok','A giraffe[31m‮.',NULL,NULL,NULL,NULL,2,1,'2026-05-01T10:00:00Z',2.5,0.1,600,30,'stop',NULL,1);
INSERT INTO results ("id","photo_id","prompt","source","status","value","content","language","reason","from_prompt","prompt_id","model_id","created_at","seconds","load_seconds","prompt_tokens","output_tokens","finish","raw","current") VALUES (8,2,'ocr','model','empty',NULL,NULL,NULL,NULL,NULL,3,1,'2026-05-01T10:00:00Z',2.5,0.1,600,30,'stop',NULL,1);
INSERT INTO results ("id","photo_id","prompt","source","status","value","content","language","reason","from_prompt","prompt_id","model_id","created_at","seconds","load_seconds","prompt_tokens","output_tokens","finish","raw","current") VALUES (9,2,'translation','model','skipped',NULL,NULL,'en',NULL,NULL,4,1,'2026-05-01T10:00:00Z',2.5,0.1,600,30,'stop',NULL,1);
INSERT INTO results ("id","photo_id","prompt","source","status","value","content","language","reason","from_prompt","prompt_id","model_id","created_at","seconds","load_seconds","prompt_tokens","output_tokens","finish","raw","current") VALUES (10,3,'objects','model','ok','','[]',NULL,NULL,NULL,1,1,'2026-05-01T10:00:00Z',2.5,0.1,600,30,'stop',NULL,1);
INSERT INTO results ("id","photo_id","prompt","source","status","value","content","language","reason","from_prompt","prompt_id","model_id","created_at","seconds","load_seconds","prompt_tokens","output_tokens","finish","raw","current") VALUES (11,3,'description','model','ok','A rhinoceros.',NULL,NULL,NULL,NULL,2,1,'2026-05-01T10:00:00Z',2.5,0.1,600,30,'stop',NULL,0);
INSERT INTO results ("id","photo_id","prompt","source","status","value","content","language","reason","from_prompt","prompt_id","model_id","created_at","seconds","load_seconds","prompt_tokens","output_tokens","finish","raw","current") VALUES (12,3,'ocr','model','empty',NULL,NULL,NULL,NULL,NULL,3,1,'2026-05-01T10:00:00Z',2.5,0.1,600,30,'stop',NULL,1);
INSERT INTO results ("id","photo_id","prompt","source","status","value","content","language","reason","from_prompt","prompt_id","model_id","created_at","seconds","load_seconds","prompt_tokens","output_tokens","finish","raw","current") VALUES (13,3,'translation','model','skipped',NULL,NULL,'en',NULL,NULL,4,1,'2026-05-01T10:00:00Z',2.5,0.1,600,30,'stop',NULL,1);
INSERT INTO results ("id","photo_id","prompt","source","status","value","content","language","reason","from_prompt","prompt_id","model_id","created_at","seconds","load_seconds","prompt_tokens","output_tokens","finish","raw","current") VALUES (14,3,'description','human','ok','A hippo.',NULL,NULL,NULL,NULL,2,NULL,'2026-05-01T10:00:00Z',2.5,0.1,600,30,'stop',NULL,1);
INSERT INTO results ("id","photo_id","prompt","source","status","value","content","language","reason","from_prompt","prompt_id","model_id","created_at","seconds","load_seconds","prompt_tokens","output_tokens","finish","raw","current") VALUES (15,8,'objects','model','ok','','[]',NULL,NULL,NULL,1,1,'2026-05-01T10:00:00Z',2.5,0.1,600,30,'stop',NULL,1);
INSERT INTO results ("id","photo_id","prompt","source","status","value","content","language","reason","from_prompt","prompt_id","model_id","created_at","seconds","load_seconds","prompt_tokens","output_tokens","finish","raw","current") VALUES (16,8,'description','model','ok','A boat.',NULL,NULL,NULL,NULL,2,1,'2026-05-01T10:00:00Z',2.5,0.1,600,30,'stop',NULL,1);
INSERT INTO results ("id","photo_id","prompt","source","status","value","content","language","reason","from_prompt","prompt_id","model_id","created_at","seconds","load_seconds","prompt_tokens","output_tokens","finish","raw","current") VALUES (17,8,'ocr','model','empty',NULL,NULL,NULL,NULL,NULL,3,1,'2026-05-01T10:00:00Z',2.5,0.1,600,30,'stop',NULL,1);
INSERT INTO results ("id","photo_id","prompt","source","status","value","content","language","reason","from_prompt","prompt_id","model_id","created_at","seconds","load_seconds","prompt_tokens","output_tokens","finish","raw","current") VALUES (18,8,'translation','model','skipped',NULL,NULL,'en',NULL,NULL,4,1,'2026-05-01T10:00:00Z',2.5,0.1,600,30,'stop',NULL,1);
INSERT INTO objects ("photo_id","name") VALUES (1,'elephant');
INSERT INTO objects ("photo_id","name") VALUES (1,'road sign');
INSERT INTO jobs ("id","photo_id","prompt","state","priority","tries","crashes","owner","next_try_at","error","queued_at") VALUES (1,4,'objects','queued',1,0,0,NULL,NULL,NULL,'2026-05-01T10:00:00Z');
INSERT INTO jobs ("id","photo_id","prompt","state","priority","tries","crashes","owner","next_try_at","error","queued_at") VALUES (2,4,'ocr','queued',1,0,0,NULL,NULL,NULL,'2026-05-01T10:00:00Z');
INSERT INTO jobs ("id","photo_id","prompt","state","priority","tries","crashes","owner","next_try_at","error","queued_at") VALUES (3,5,'ocr','waiting',0,1,0,NULL,'2026-05-01T11:00:00Z','it looped.','2026-05-01T10:00:00Z');
INSERT INTO jobs ("id","photo_id","prompt","state","priority","tries","crashes","owner","next_try_at","error","queued_at") VALUES (4,6,'ocr','failed',0,1,0,NULL,NULL,'it was empty','2026-05-01T10:00:00Z');
INSERT INTO events ("id","at","kind","photo_id","sentence") VALUES (1,'2026-05-01T10:00:00Z','unreadable',7,'it ends too soon');
INSERT INTO status ("subject","sentence","content","at") VALUES ('daemon','2 photos wait: Ollama does not answer',NULL,'2026-05-01T10:00:00Z');
PRAGMA application_id = 1128353876;
PRAGMA user_version = 1;
