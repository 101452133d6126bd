-- +goose Up

-- How many events happened in each hour, by kind; those of the end of a session also by reason. Whoever places events
-- counts them in the same transaction.
CREATE TABLE event_hours (
    hour   BIGINT NOT NULL,
    kind   TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    count  BIGINT NOT NULL,
    PRIMARY KEY (hour, kind, reason)
);
INSERT INTO event_hours (hour, kind, reason, count)
SELECT at - at % 3600000000, kind, CASE WHEN kind = 'session_ended' THEN reason ELSE '' END, COUNT(*)
  FROM events WHERE position IS NOT NULL GROUP BY 1, 2, 3;

-- Visits of the console that somebody has ended, until their cookies would have run out by themselves.
CREATE TABLE ended_visits (
    id         TEXT COLLATE "C" PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX ended_visits_expiry ON ended_visits (expires_at);
