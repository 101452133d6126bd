-- +goose Up

-- By themselves: some engines want a new column committed before it is filled or indexed.
UPDATE sessions SET last_seen_at = issued_at, deadline_at = expires_at WHERE deadline_at = 0;
CREATE INDEX sessions_previous ON sessions (previous_token_hash) WHERE previous_token_hash IS NOT NULL;
CREATE INDEX sessions_running ON sessions (expires_at) WHERE ended_at IS NULL;
