-- +goose Up

-- The indexes for readers hold placed events alone, and one index by time takes the place of another, so that writing an
-- event costs what it did.
CREATE INDEX events_unplaced ON events (at) WHERE position IS NULL;
CREATE UNIQUE INDEX events_position ON events (position) WHERE position IS NOT NULL;
CREATE INDEX events_session ON events (session_id, position) WHERE position IS NOT NULL;
CREATE INDEX events_identity ON events (identity_id, position) WHERE position IS NOT NULL;
CREATE INDEX events_kind ON events (kind, position) WHERE position IS NOT NULL;
DROP INDEX events_at;
