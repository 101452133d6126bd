-- +goose Up

-- When the collector looks at a session next: as long as nobody looks there, using, extending and ending a session change no
-- index. Zero is at once; the collector then finds out when. The index is in the next migration: CockroachDB makes none for
-- a column of the same transaction.
ALTER TABLE sessions ADD COLUMN due_at BIGINT NOT NULL DEFAULT 0;
