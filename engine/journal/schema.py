"""The journal's tables, their version, and how a connection to them is opened.

Knows nothing of messages in memory, of threads, or of what is done with the rows.

    body ---< message ---< delivery        body: bytes, stored once; message and delivery refer to them
                 |             +-- deadline    by when a proof is awaited, and who gets it otherwise
                 +-- part, held, finding   what the routes made of it
                 +-- key                   what it can be found by (NHS number, patient ...)
                 +-- event ----+           every change of a message's or a delivery's state, appended
                        +-- said        what its recipient said of it
                        +-- onward      where it goes, once, if it comes back
    audit                                  what people did, only appended to
    tally                                  counters, kept in the same transactions as the rows
    config ---< config_source >--- source  hashes of configurations, so that rows hold a small number, and
                                           the texts that each was made of: every text once, compressed

Indexes cost a page of the log for nearly every message, so there are few. One index, `fingerprint`,
serves both the recognition of duplicates and the search by control id. There is no index over the
content of bodies. The waiting messages and the open deliveries have partial indexes, which stay small
when the journal grows.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from engine.journal.contract import JournalBroken

__all__ = [
    "DATABASE", "LOG", "VERSION", "JournalMissing", "SchemaTooNew", "format_of", "has_log", "open_reading",
    "open_writing",
]  # fmt: skip

DATABASE = "journal.db"
LOG = f"{DATABASE}-wal"
VERSION = 10
_LOG_HEADER = 32  # bytes

# Event kinds, for a message: accepted, conflict, duplicate, refused, held, decided, rejected, patient_merged;
# released and discarded, where a person did it; answer, of a reply, with the copy that it speaks of.
# For a delivery: made, then the names of its states, `recovered` where a claim without an outcome was found
# at start-up and put back, `in_doubt` where only that became known, `deadline_missed`,
# and `answered_late` for a reply that changes nothing.
TABLES = """
CREATE TABLE body (
  id INTEGER PRIMARY KEY,
  bytes BLOB NOT NULL,
  sha256 BLOB                   -- of bytes that are no message's own; a message's row has its own
);
CREATE TABLE config (
  id INTEGER PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE
);
CREATE TABLE source (
  sha256 BLOB PRIMARY KEY,      -- of the text, UTF-8
  size INTEGER NOT NULL,        -- of the text, in bytes
  bytes BLOB NOT NULL           -- the text, compressed: see configs.py
);
CREATE TABLE config_source (
  config INTEGER NOT NULL,
  path TEXT NOT NULL,           -- within the site, as routes/gp_results.yaml
  sha256 BLOB NOT NULL,
  PRIMARY KEY (config, path)
) WITHOUT ROWID;
CREATE TABLE message (
  id INTEGER PRIMARY KEY,       -- the order of acceptance
  feed TEXT NOT NULL,
  received INTEGER NOT NULL,    -- microseconds since 1970, UTC, like every time here
  type TEXT NOT NULL,
  version TEXT NOT NULL,
  peer TEXT NOT NULL,
  control_id TEXT NOT NULL,
  sender BLOB NOT NULL,         -- MSH-3, MSH-4, MSH-10
  fingerprint INTEGER,          -- of control id, feed and sender, and content: see arrivals.py
  sha256 BLOB NOT NULL,
  size INTEGER NOT NULL,
  body INTEGER NOT NULL,        -- body.id; a duplicate names its original's
  envelope BLOB,
  kind TEXT NOT NULL,           -- new, conflict, duplicate, refused
  original INTEGER NOT NULL,    -- the message that a duplicate or conflict repeats, or 0
  refused TEXT,
  state TEXT NOT NULL,          -- waiting, decided, held, duplicate, refused, discarded, answer
  verdict TEXT,                 -- ok, error, reject, or NULL while it is not known
  words TEXT,
  rejected INTEGER NOT NULL DEFAULT 0,
  config INTEGER,
  decided INTEGER,
  keys TEXT,                    -- its search keys again, as JSON, to be shown with it
  known TEXT,                   -- what its decision depended on beside it, as JSON, or NULL: see earlier.py
  claims INTEGER                -- delivery.id that its sender says it answers, unproved; NULL: says nothing
);
CREATE INDEX message_fingerprint ON message (fingerprint) WHERE fingerprint IS NOT NULL;
CREATE INDEX message_state ON message (state) WHERE state <> 'decided';
CREATE INDEX message_type ON message (type);
CREATE INDEX message_received ON message (received);

CREATE TABLE part (
  message INTEGER NOT NULL,
  number INTEGER NOT NULL,
  route TEXT NOT NULL,
  outcome TEXT NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (message, number)
) WITHOUT ROWID;
CREATE TABLE held (
  id INTEGER PRIMARY KEY,
  message INTEGER NOT NULL,
  route TEXT NOT NULL,
  tray TEXT NOT NULL,
  reason TEXT NOT NULL,
  place TEXT NOT NULL,
  entry INTEGER NOT NULL,
  at INTEGER NOT NULL,
  state TEXT NOT NULL DEFAULT 'held', -- held, released, discarded
  piece TEXT NOT NULL DEFAULT '',
  part INTEGER NOT NULL DEFAULT -1, -- part.number, or -1: before any route, or not recorded
  closed INTEGER,               -- when a person let it go or discarded it
  by TEXT NOT NULL DEFAULT '',  -- who
  config INTEGER                -- of the decision that held it; NULL: the message's own
);
CREATE INDEX held_message ON held (message);
CREATE INDEX held_tray ON held (tray) WHERE state = 'held';
CREATE TABLE batch (
  message INTEGER PRIMARY KEY,  -- its first message
  said INTEGER,                 -- how many there are by its trailers; NULL: they do not say
  came INTEGER NOT NULL,
  problems TEXT NOT NULL        -- what does not fit, or ''
);
CREATE TABLE finding (
  message INTEGER NOT NULL,
  number INTEGER NOT NULL,      -- -1: found as it came in, not by its decision
  words TEXT NOT NULL,
  PRIMARY KEY (message, number)
) WITHOUT ROWID;
CREATE TABLE key (
  kind TEXT NOT NULL,
  value TEXT NOT NULL,
  message INTEGER NOT NULL,
  PRIMARY KEY (kind, value, message)
) WITHOUT ROWID;

CREATE TABLE delivery (
  id INTEGER PRIMARY KEY,
  message INTEGER NOT NULL,
  route TEXT NOT NULL,
  channel TEXT NOT NULL,
  address TEXT NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  next_try INTEGER NOT NULL,
  created INTEGER NOT NULL,
  closed INTEGER,               -- when it left the open states; NULL while it is open
  body INTEGER,                 -- body.id, or NULL: the bytes as they came in
  control_id BLOB NOT NULL,
  merged INTEGER NOT NULL,
  parent INTEGER NOT NULL,
  config INTEGER NOT NULL,
  in_doubt INTEGER NOT NULL,
  reason TEXT NOT NULL,
  piece TEXT NOT NULL DEFAULT '', -- which piece of a split message it is; '' for a whole one
  kind TEXT NOT NULL DEFAULT '', -- '' as a route made it; else how it came of its parent, as fallback
  also TEXT NOT NULL DEFAULT '', -- further routes that an entry merged into it belongs to, with spaces
  again INTEGER NOT NULL DEFAULT 0 -- when a person had it tried afresh
);
CREATE INDEX delivery_message ON delivery (message);
CREATE INDEX delivery_open ON delivery (channel, address) WHERE closed IS NULL;
CREATE INDEX delivery_address ON delivery (address) WHERE address <> '';
CREATE INDEX delivery_stuck ON delivery (state) WHERE state IN
  ('parked', 'refused_by_recipient', 'withdrawn', 'discarded');

CREATE TABLE deadline (
  delivery INTEGER PRIMARY KEY, -- whose proof is awaited
  proof TEXT NOT NULL,          -- delivered or acknowledged
  due INTEGER NOT NULL,
  channel TEXT NOT NULL,        -- who gets it where the proof does not come
  address TEXT,                 -- NULL: that channel's directory does not have it
  ending TEXT                   -- NULL while it is open; kept, missed, or ended by a person
);
CREATE INDEX deadline_open ON deadline (due) WHERE ending IS NULL;

CREATE TABLE said (
  id INTEGER PRIMARY KEY,
  delivery INTEGER NOT NULL,    -- the copy that it is said of
  at INTEGER NOT NULL,
  code TEXT NOT NULL,           -- MSA-1
  reason TEXT NOT NULL,         -- why it comes back, or ''
  words TEXT NOT NULL,          -- the recipient's own: content
  message INTEGER NOT NULL,     -- which message brought it; 0: it came on the copy's own connection
  counts INTEGER NOT NULL       -- 0: it came when nothing could be changed any more
);
CREATE INDEX said_delivery ON said (delivery);

CREATE TABLE onward (
  delivery INTEGER PRIMARY KEY, -- the copy that may come back; used once, since it comes back once
  reasons TEXT NOT NULL,        -- for which, with spaces
  channel TEXT NOT NULL,        -- where it goes then
  address TEXT,                 -- NULL: that channel's directory does not have it
  late TEXT                     -- the address for the channel of its deadline
);

CREATE TABLE event (
  message INTEGER NOT NULL,
  id INTEGER NOT NULL,
  delivery INTEGER NOT NULL,    -- 0: of the message itself
  kind TEXT NOT NULL,
  at INTEGER NOT NULL,
  config INTEGER,
  detail TEXT NOT NULL,
  PRIMARY KEY (message, id)
) WITHOUT ROWID;

CREATE TABLE audit (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  who TEXT NOT NULL,
  what TEXT NOT NULL,           -- release, resend, redirect, discard
  why TEXT NOT NULL,
  message INTEGER NOT NULL,
  held INTEGER NOT NULL,        -- held.id, or 0
  delivery INTEGER NOT NULL,    -- delivery.id, or 0
  config TEXT NOT NULL,         -- hash of the configuration that decided anew, or ''
  detail TEXT NOT NULL,
  chain BLOB                    -- SHA-256 of this record and of the chain before it: see chain.py
);
CREATE INDEX audit_message ON audit (message);
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
  BEGIN SELECT raise(ABORT, 'the audit is only appended to'); END;
CREATE TRIGGER audit_is_not_shortened BEFORE DELETE ON audit
  BEGIN SELECT raise(ABORT, 'the audit is only appended to'); END;

CREATE TABLE tally (
  scope TEXT NOT NULL,
  name TEXT NOT NULL,
  state TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (scope, name, state)
) WITHOUT ROWID;
"""

# From each format to the next. New columns stand last in TABLES, where ALTER TABLE puts them. None of these
# reads or writes a row, so that a journal of any size is brought up to date at once.
MIGRATIONS = {
    1: """
CREATE TABLE source (sha256 BLOB PRIMARY KEY, size INTEGER NOT NULL, bytes BLOB NOT NULL);
CREATE TABLE config_source (
  config INTEGER NOT NULL, path TEXT NOT NULL, sha256 BLOB NOT NULL, PRIMARY KEY (config, path)
) WITHOUT ROWID;
ALTER TABLE held ADD COLUMN piece TEXT NOT NULL DEFAULT '';
ALTER TABLE delivery ADD COLUMN piece TEXT NOT NULL DEFAULT '';
""",
    2: """
ALTER TABLE message ADD COLUMN known TEXT;
ALTER TABLE delivery ADD COLUMN kind TEXT NOT NULL DEFAULT '';
ALTER TABLE delivery ADD COLUMN also TEXT NOT NULL DEFAULT '';
CREATE TABLE deadline (
  delivery INTEGER PRIMARY KEY, proof TEXT NOT NULL, due INTEGER NOT NULL, channel TEXT NOT NULL,
  address TEXT, ending TEXT
);
CREATE INDEX deadline_open ON deadline (due) WHERE ending IS NULL;
""",
    3: """
ALTER TABLE held ADD COLUMN part INTEGER NOT NULL DEFAULT -1;
ALTER TABLE held ADD COLUMN closed INTEGER;
ALTER TABLE held ADD COLUMN by TEXT NOT NULL DEFAULT '';
ALTER TABLE held ADD COLUMN config INTEGER;
ALTER TABLE delivery ADD COLUMN again INTEGER NOT NULL DEFAULT 0;
CREATE TABLE audit (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  who TEXT NOT NULL,
  what TEXT NOT NULL,           -- release, resend, redirect, discard
  why TEXT NOT NULL,
  message INTEGER NOT NULL,
  held INTEGER NOT NULL,        -- held.id, or 0
  delivery INTEGER NOT NULL,    -- delivery.id, or 0
  config TEXT NOT NULL,         -- hash of the configuration that decided anew, or ''
  detail TEXT NOT NULL
);
CREATE INDEX audit_message ON audit (message);
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
  BEGIN SELECT raise(ABORT, 'the audit is only appended to'); END;
CREATE TRIGGER audit_is_not_shortened BEFORE DELETE ON audit
  BEGIN SELECT raise(ABORT, 'the audit is only appended to'); END;
""",
    4: """
ALTER TABLE message ADD COLUMN claims INTEGER;
""",
    5: """
CREATE TABLE said (
  id INTEGER PRIMARY KEY, delivery INTEGER NOT NULL, at INTEGER NOT NULL, code TEXT NOT NULL,
  reason TEXT NOT NULL, words TEXT NOT NULL, message INTEGER NOT NULL, counts INTEGER NOT NULL
);
CREATE INDEX said_delivery ON said (delivery);
""",
    6: """
CREATE TABLE onward (
  delivery INTEGER PRIMARY KEY, reasons TEXT NOT NULL, channel TEXT NOT NULL, address TEXT, late TEXT
);
""",
    7: """
ALTER TABLE body ADD COLUMN sha256 BLOB;
""",
    8: """
ALTER TABLE audit ADD COLUMN chain BLOB;
""",
    9: """
CREATE TABLE batch (
  message INTEGER PRIMARY KEY, said INTEGER, came INTEGER NOT NULL, problems TEXT NOT NULL
);
""",
}


class SchemaTooNew(JournalBroken):
    """The journal was written by a later version of the program; this one must not touch it."""


class JournalMissing(Exception):
    """There is no journal in this folder yet."""


def open_writing(folder: Path) -> sqlite3.Connection:
    """A connection that may write, to a journal that is created where there is none.

    Files are readable by their owner only, since they hold patients' data. Raises SchemaTooNew, or
    sqlite3.Error where the file cannot be read.
    """
    path = folder / DATABASE
    created = not path.exists()
    if created:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = _connect(f"{path.resolve().as_uri()}?mode=rw")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA wal_autocheckpoint=0")  # the checkpoint thread does it, off the commit path
    connection.execute("PRAGMA secure_delete=ON")  # what is pruned one day shall leave no trace in free pages
    connection.execute("PRAGMA cache_size=-16000")
    connection.execute("PRAGMA temp_store=MEMORY")
    _bring_up_to_date(connection, folder)
    if created:
        _sync_folder(folder)
    return connection


def has_log(folder: Path) -> bool:
    """Whether commits may stand in the log that the database file does not have; not, where the journal was
    closed in order."""
    try:
        return (folder / LOG).stat().st_size > _LOG_HEADER and (folder / DATABASE).stat().st_size > 0
    except FileNotFoundError:
        return False


def open_reading(folder: Path) -> sqlite3.Connection:
    """A connection that can only read; works while the engine runs and while it is stopped.

    An older format is read as it is, since only the owner of a journal may change it: whoever reads asks
    `format_of` what is there. Raises JournalMissing where there is no journal, and SchemaTooNew.
    """
    path = folder / DATABASE
    if not path.exists():
        raise JournalMissing(f"there is no journal in {folder}: has the engine run with this data folder?")
    connection = _connect(f"{path.resolve().as_uri()}?mode=ro")
    connection.execute("PRAGMA query_only=ON")
    connection.execute("PRAGMA cache_size=-8000")
    connection.execute("PRAGMA temp_store=MEMORY")
    version = format_of(connection)
    _refuse_newer(version, folder)
    if version == 0:
        connection.close()
        raise JournalMissing(f"the journal in {folder} is empty: has the engine run with this data folder?")
    return connection


def _connect(address: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        address, uri=True, isolation_level=None, check_same_thread=False, cached_statements=512
    )
    connection.execute("PRAGMA busy_timeout=5000")
    connection.execute("PRAGMA mmap_size=0")
    return connection


def _bring_up_to_date(connection: sqlite3.Connection, folder: Path) -> None:
    """Create the tables of a new journal, migrate those of an older format, or refuse a later one's.

    Each step is one transaction with the number of its format: a crash leaves the one or the other.
    """
    version = format_of(connection)
    _refuse_newer(version, folder)
    if version == 0:
        connection.executescript(f"BEGIN IMMEDIATE; {TABLES} PRAGMA user_version={VERSION}; COMMIT;")
        return
    for old in range(version, VERSION):
        step = f"{MIGRATIONS[old]} PRAGMA user_version={old + 1}"
        connection.executescript(f"BEGIN IMMEDIATE; {step}; COMMIT;")


def format_of(connection: sqlite3.Connection) -> int:
    """The format of the journal behind a connection: VERSION, or an older one where it was only read."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _refuse_newer(version: int, folder: Path) -> None:
    if version > VERSION:
        raise SchemaTooNew(
            f"the journal in {folder} has format {version}, and this program knows formats up to {VERSION}: "
            "run the program version that wrote it, or a later one"
        )


def _sync_folder(folder: Path) -> None:
    """Make the new file's name itself durable: fsync of a file does not cover its folder."""
    for place in (folder, folder.parent):
        handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
