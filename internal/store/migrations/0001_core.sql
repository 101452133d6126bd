-- +goose Up
CREATE TABLE identities (
    id               TEXT COLLATE "C" PRIMARY KEY,
    external_id      TEXT UNIQUE,
    schema_id        TEXT NOT NULL,
    state            TEXT NOT NULL,
    state_changed_at BIGINT NOT NULL,
    traits           TEXT NOT NULL,
    verifiable       TEXT NOT NULL,
    recovery         TEXT NOT NULL,
    metadata_public  TEXT,
    metadata_admin   TEXT,
    organization_id  TEXT NOT NULL,
    available_aal    SMALLINT NOT NULL,
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL
);
CREATE INDEX identities_organization ON identities (organization_id, id);

CREATE TABLE credentials (
    identity_id TEXT NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
    type        TEXT NOT NULL,
    identifiers TEXT NOT NULL,
    config      TEXT,
    version     SMALLINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    PRIMARY KEY (identity_id, type)
);

CREATE TABLE credential_identifiers (
    identifier  TEXT COLLATE "C" NOT NULL,
    type        TEXT NOT NULL,
    identity_id TEXT NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
    PRIMARY KEY (identifier, type)
);
CREATE INDEX credential_identifiers_identity ON credential_identifiers (identity_id);

-- Sessions outlive their identity: an ended row is the tombstone that keeps a sign-out final.
CREATE TABLE sessions (
    id               TEXT COLLATE "C" PRIMARY KEY,
    identity_id      TEXT NOT NULL,
    token_hash       TEXT NOT NULL UNIQUE,
    created_at       BIGINT NOT NULL,
    issued_at        BIGINT NOT NULL,
    authenticated_at BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    extended_at      BIGINT NOT NULL,
    aal              SMALLINT NOT NULL,
    methods          TEXT NOT NULL,
    devices          TEXT NOT NULL,
    ended_at         BIGINT,
    end_reason       TEXT NOT NULL,
    ended_by         TEXT NOT NULL,
    deleted          BOOLEAN NOT NULL
);
CREATE INDEX sessions_newest ON sessions (created_at DESC, id);
CREATE INDEX sessions_identity ON sessions (identity_id, created_at DESC, id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE events (
    id          TEXT PRIMARY KEY,
    at          BIGINT NOT NULL,
    kind        TEXT NOT NULL,
    session_id  TEXT NOT NULL,
    identity_id TEXT NOT NULL,
    reason      TEXT NOT NULL,
    actor       TEXT NOT NULL
);
CREATE INDEX events_at ON events (at);

CREATE TABLE flows (
    id         TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    document   TEXT NOT NULL
);
CREATE INDEX flows_expiry ON flows (expires_at);
