-- +goose Up

-- The keys of the admin API, each by the hash of its secret. A key that was revoked stays, so that its name in the events
-- can be looked up.
CREATE TABLE admin_keys (
    id           TEXT COLLATE "C" PRIMARY KEY,
    name         TEXT COLLATE "C" NOT NULL,
    secret_hash  TEXT COLLATE "C" NOT NULL UNIQUE,
    scopes       TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    created_by   TEXT NOT NULL,
    expires_at   BIGINT NOT NULL,
    revoked_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX admin_keys_name ON admin_keys (name) WHERE revoked_at = 0;
