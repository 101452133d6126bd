-- +goose Up
CREATE INDEX sessions_due ON sessions (due_at);
DROP INDEX sessions_running;
DROP INDEX sessions_expiry;
