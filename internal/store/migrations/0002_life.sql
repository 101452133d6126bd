-- +goose Up

-- A session's token is replaced when its holder authenticates again; the one before works for a few seconds more.
ALTER TABLE sessions ADD COLUMN previous_token_hash TEXT;
ALTER TABLE sessions ADD COLUMN previous_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN rotation BIGINT NOT NULL DEFAULT 0;

-- expires_at is when the session expires unless it is used; deadline_at, never earlier, when it does even if it is.
ALTER TABLE sessions ADD COLUMN last_seen_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN deadline_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN remembered BOOLEAN NOT NULL DEFAULT FALSE;

-- Codes with which a native client gets the session that was started for it elsewhere.
CREATE TABLE exchanges (
    init_hash   TEXT PRIMARY KEY,
    return_hash TEXT NOT NULL,
    flow_id     TEXT NOT NULL,
    session_id  TEXT NOT NULL,
    expires_at  BIGINT NOT NULL
);
CREATE INDEX exchanges_flow ON exchanges (flow_id);
CREATE INDEX exchanges_expiry ON exchanges (expires_at);

-- One-time passwords that were used, by a hash, as long as they could be used again.
CREATE TABLE used_codes (
    identity_id TEXT NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
    code_hash   TEXT NOT NULL,
    used_at     BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    PRIMARY KEY (identity_id, code_hash)
);
CREATE INDEX used_codes_expiry ON used_codes (expires_at);
