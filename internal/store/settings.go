package store

import (
	"context"
	"time"
)

// Settings is what was set over the configuration's files while servers ran.
type Settings struct {
	Version   int64 // rises with each change; zero when nothing was ever set
	ChangedAt time.Time
	Document  string // JSON
}

// SettingChange is one setting before and after a change, for its event; as JSON.
type SettingChange struct{ Key, Before, After string }

const (
	settingsVersion query = `SELECT version FROM settings WHERE id = 1`
	readSettings    query = `SELECT version, changed_at, document FROM settings WHERE id = 1`
	changeSettings  query = `UPDATE settings SET version = version + 1, changed_at = $2, document = $3 WHERE id = 1 AND version = $1`
)

const settingsChanged = "settings_changed" // the kind of an event; its reason says what was before and what is after

// SettingsVersion is the version of the settings: a look at one row.
func (s *Store) SettingsVersion(ctx context.Context) (version int64, err error) {
	err = s.read(ctx, func(ctx context.Context, t *tx) error {
		return t.one(ctx, func(r scanner) error { return r.Scan(&version) }, settingsVersion)
	})
	return version, err
}

// Settings reads the settings.
func (s *Store) Settings(ctx context.Context) (found Settings, err error) {
	err = s.read(ctx, func(ctx context.Context, t *tx) error {
		found, err = t.settings(ctx)
		return err
	})
	return found, err
}

func (t *tx) settings(ctx context.Context) (found Settings, err error) {
	var changed int64
	err = t.one(ctx, func(r scanner) error { return r.Scan(&found.Version, &changed, &found.Document) }, readSettings)
	found.ChangedAt = moment(changed)
	return found, err
}

// ChangeSettings puts a document in the place of that of a version, and writes an event for each change. It reports false
// when there is another version by now, and nothing was done.
func (s *Store) ChangeSettings(ctx context.Context, was int64, text string, changes []SettingChange, now time.Time, by string) (done bool, err error) {
	err = s.write(ctx, manner{}, func(ctx context.Context, t *tx) error {
		n, err := t.exec(ctx, changeSettings, was, micros(now), text)
		if done = n == 1; err != nil || !done {
			return err
		}
		for _, c := range changes {
			reason := `{"key":` + document(c.Key) + `,"before":` + c.Before + `,"after":` + c.After + `}`
			if err := t.event(ctx, eventRow{at: micros(now), kind: settingsChanged, reason: reason, actor: by}); err != nil {
				return err
			}
		}
		return nil
	})
	return done, err
}

// SettingsBeside reads the settings of the database at dsn beside whoever is using it. A database from before there were
// any has none.
func SettingsBeside(ctx context.Context, dsn string) (found Settings, err error) {
	db, d, shut, err := openForBackup(dsn)
	if err != nil {
		return found, err
	}
	defer shut()
	t := &tx{run: db, dialect: d}
	columns, err := t.columns(ctx, "settings")
	if err != nil || len(columns) == 0 {
		return found, err
	}
	return t.settings(ctx)
}
