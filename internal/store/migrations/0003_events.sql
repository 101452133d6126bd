-- +goose Up

-- Readers follow the events by position, which whoever reads gives to those that have none yet. The indexes on it are in
-- the next migration: CockroachDB makes none for a column of the same transaction.
ALTER TABLE events ADD COLUMN position BIGINT;

-- The last position that was given, in the only row.
CREATE TABLE event_positions (
    id   SMALLINT PRIMARY KEY,
    last BIGINT NOT NULL
);
INSERT INTO event_positions (id, last) VALUES (1, 0);

-- How far each web hook has been told what happened.
CREATE TABLE hooks (
    name     TEXT COLLATE "C" PRIMARY KEY,
    position BIGINT NOT NULL,
    since    BIGINT NOT NULL,
    seen_at  BIGINT NOT NULL
);
CREATE INDEX hooks_seen ON hooks (seen_at);

-- What is to be sent, or was, to each. A line is what is sent in order: the events of one session, or of one identity.
CREATE TABLE deliveries (
    id           TEXT COLLATE "C" PRIMARY KEY,
    hook         TEXT COLLATE "C" NOT NULL,
    line         TEXT NOT NULL,
    position     BIGINT NOT NULL,
    event_id     TEXT NOT NULL,
    at           BIGINT NOT NULL,
    kind         TEXT NOT NULL,
    session_id   TEXT NOT NULL,
    identity_id  TEXT NOT NULL,
    reason       TEXT NOT NULL,
    actor        TEXT NOT NULL,
    state        TEXT NOT NULL,
    changed_at   BIGINT NOT NULL,
    due_at       BIGINT NOT NULL,
    leased_until BIGINT NOT NULL,
    attempts     BIGINT NOT NULL,
    tried_at     BIGINT NOT NULL,
    problem      TEXT NOT NULL
);
CREATE INDEX deliveries_due ON deliveries (hook, due_at, position) WHERE state = 'waiting';
CREATE INDEX deliveries_line ON deliveries (hook, line, position) WHERE state = 'waiting';
CREATE INDEX deliveries_state ON deliveries (state, changed_at DESC, id);
CREATE INDEX deliveries_changed ON deliveries (changed_at DESC, id);
