-- +goose Up

-- What is set over the configuration's files while servers run, in the only row. Its version rises with each change, and
-- every node looks at it.
CREATE TABLE settings (
    id         SMALLINT PRIMARY KEY,
    version    BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    document   TEXT NOT NULL
);
INSERT INTO settings (id, version, changed_at, document) VALUES (1, 0, 0, '{}');
