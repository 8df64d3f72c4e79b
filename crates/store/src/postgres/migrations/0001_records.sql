-- Sealed records. `sealed` is opaque, `key` and `owner` are hashes: a copy of this database names nobody.
CREATE TABLE stagedoor.record (
    shelf   text COLLATE "C" NOT NULL,
    key     bytea            NOT NULL CHECK (octet_length(key) = 32),
    owner   bytea                     CHECK (octet_length(owner) = 32),
    sealed  bytea            NOT NULL,
    expires bigint,
    version bigint           NOT NULL,
    PRIMARY KEY (shelf, key)
)
-- Room in each page for the next version of a row, which then needs no new entries in the indexes; and dead versions
-- are cleared away before they are a fifth of a table of millions.
WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05);

-- Sealed bytes do not compress.
ALTER TABLE stagedoor.record ALTER COLUMN sealed SET STORAGE EXTERNAL;

CREATE INDEX record_owner ON stagedoor.record (owner) WHERE owner IS NOT NULL;
CREATE INDEX record_expires ON stagedoor.record (expires) WHERE expires IS NOT NULL;

CREATE TABLE stagedoor.lease (
    shelf text COLLATE "C" NOT NULL,
    key   bytea            NOT NULL CHECK (octet_length(key) = 32),
    fence bigint           NOT NULL,
    until bigint           NOT NULL,
    PRIMARY KEY (shelf, key)
);

CREATE INDEX lease_until ON stagedoor.lease (until);

-- The numbers of versions and fences. One for the whole database, so that numbers of a place grow although its rows
-- come and go.
CREATE SEQUENCE stagedoor.number AS bigint;

-- One row that readiness writes.
CREATE TABLE stagedoor.probe (
    id smallint    PRIMARY KEY CHECK (id = 1),
    at timestamptz NOT NULL
);

INSERT INTO stagedoor.probe (id, at) VALUES (1, now());
