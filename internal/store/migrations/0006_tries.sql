-- +goose Up

-- Failed tries of somebody's secret, which all nodes count together, by a hash of whose and by whom.
CREATE TABLE tries (
    subject    TEXT COLLATE "C" PRIMARY KEY,
    failures   BIGINT NOT NULL,
    last_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX tries_expiry ON tries (expires_at);
