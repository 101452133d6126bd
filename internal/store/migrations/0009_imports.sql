-- +goose Up

-- What was taken over from another server, and as what: taking over again must bring back nothing that was ended, changed
-- or removed here since. The source is the network of the other server. The version is that of an identity, as it was written; of a session, its expiry over there.
CREATE TABLE imports (
    kind        TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    source      TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    version     BIGINT NOT NULL,
    PRIMARY KEY (id, kind)
);
