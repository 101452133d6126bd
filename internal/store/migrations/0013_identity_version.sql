-- +goose Up

-- The version of a session's identity, which is when that was last updated, so that a check looks at one row: whoever changes
-- an identity writes it into all its sessions that have not ended, in the same transaction. Zero is not known; a check then
-- looks at the identity itself.
ALTER TABLE sessions ADD COLUMN identity_version BIGINT NOT NULL DEFAULT 0;
