-- Sealed records. `sealed` is opaque, `key` and `owner` are hashes: a copy of this file names nobody.
CREATE TABLE record (
    id      INTEGER PRIMARY KEY,
    shelf   TEXT    NOT NULL,
    key     BLOB    NOT NULL CHECK (length(key) = 32),
    owner   BLOB             CHECK (length(owner) = 32),
    sealed  BLOB    NOT NULL,
    expires INTEGER,
    version INTEGER NOT NULL,
    UNIQUE (shelf, key)
) STRICT;

CREATE INDEX record_owner ON record (owner) WHERE owner IS NOT NULL;
CREATE INDEX record_expires ON record (expires) WHERE expires IS NOT NULL;

CREATE TABLE lease (
    shelf TEXT    NOT NULL,
    key   BLOB    NOT NULL CHECK (length(key) = 32),
    fence INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (shelf, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX lease_until ON lease (until);

-- The last number given to a version or a fence. One for the whole database, so that numbers of a place grow
-- although its rows come and go.
CREATE TABLE sequence (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    last INTEGER NOT NULL
) STRICT;

INSERT INTO sequence (id, last) VALUES (1, 0);
