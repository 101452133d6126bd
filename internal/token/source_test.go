package token

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// logged is a log that keeps its lines.
type logged struct{ strings.Builder }

func (l *logged) lines() string { return strings.TrimSpace(l.String()) }

func write(t testing.TB, file string, raw []byte) {
	t.Helper()
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAnEditOfAKeyFileRotatesTheKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file, log := filepath.Join(t.TempDir(), "keys.json"), &logged{}
		old := jwk(t, "old", "EdDSA", nil)
		write(t, file, keySet(t, old))
		tokens, err := New("", []Template{{Name: "jwt", KeysFile: file, TTL: time.Minute}}, slog.New(slog.NewTextHandler(log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		go tokens.Watch(ctx)
		current := func() time.Time { time.Sleep(lookEvery); synctest.Wait(); return time.Now() }
		subject := about
		subject.ExpiresAt = current().Add(time.Hour)

		before, err := tokens.Sign(ctx, "jwt", subject, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		old["exp"] = float64(time.Now().Unix() + 1)
		write(t, file, keySet(t, jwk(t, "new", "ES256", nil), old))
		at := current()
		after, err := tokens.Sign(ctx, "jwt", subject, at)
		if err != nil {
			t.Fatal(err)
		}
		if header, _ := read(t, tokens, after, at); header.KeyID != "new" {
			t.Errorf("%s signs after the rotation", header.KeyID)
		}
		if header, _ := read(t, tokens, before, at); header.KeyID != "old" {
			t.Errorf("the old token is of %s", header.KeyID)
		}
		if strings.Count(log.lines(), "\n") != 0 || !strings.Contains(log.lines(), "a key file was read again") {
			t.Errorf("logged is\n%s", log.lines())
		}
	})
}

func TestAKeyFileThatBecomesUnusableChangesNothingAndIsToldOnce(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, file string){
		"wrong":       func(t *testing.T, file string) { write(t, file, []byte(`{"keys":[{"kid":"a","k":"do-not-print"}]}`)) },
		"cut short":   func(t *testing.T, file string) { write(t, file, []byte(`{"keys":[`)) },
		"too long":    func(t *testing.T, file string) { write(t, file, []byte(strings.Repeat(" ", longestKeys+1))) },
		"gone":        func(t *testing.T, file string) { remove(t, file) },
		"a directory": func(t *testing.T, file string) { remove(t, file); mkdir(t, file) },
		"of a kid that another template has": func(t *testing.T, file string) {
			write(t, file, keySet(t, jwk(t, "other", "EdDSA", nil)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			file, log := filepath.Join(t.TempDir(), "keys.json"), &logged{}
			write(t, file, keySet(t, jwk(t, "good", "EdDSA", nil)))
			templates := []Template{{Name: "jwt", KeysFile: file, TTL: time.Minute}, {Name: "inline", Keys: keySet(t, jwk(t, "other", "EdDSA", nil)), TTL: time.Minute}}
			tokens, err := New("", templates, slog.New(slog.NewTextHandler(log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			spoil(t, file)
			for range 3 {
				tokens.look()
			}
			if got := published(t, tokens, now); got != "good other" {
				t.Errorf("published are %s", got)
			}
			read(t, tokens, sign(t, tokens, "jwt", now), now)
			if strings.Count(log.String(), "level=ERROR") != 1 || strings.Contains(log.String(), "do-not-print") {
				t.Errorf("logged is\n%s", log.lines())
			}
			if err := os.RemoveAll(file); err != nil {
				t.Fatal(err)
			}
			write(t, file, keySet(t, jwk(t, "next", "EdDSA", nil)))
			tokens.look()
			if got := published(t, tokens, now); got != "next other" {
				t.Errorf("after it was put right, published are %s", got)
			}
		})
	}
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestAFileOfTheSameLengthAndTimeIsSeenWhenItIsAnotherOne(t *testing.T) {
	dir := t.TempDir()
	file, next := filepath.Join(dir, "keys.json"), filepath.Join(dir, "next.json")
	write(t, file, keySet(t, jwk(t, "a", "EdDSA", nil)))
	write(t, next, keySet(t, jwk(t, "b", "EdDSA", nil)))
	for _, name := range []string{file, next} {
		if err := os.Chtimes(name, now, now); err != nil {
			t.Fatal(err)
		}
	}
	tokens := tokenizer(t, Template{Name: "jwt", KeysFile: file, TTL: time.Minute})
	if err := os.Rename(next, file); err != nil {
		t.Fatal(err)
	}
	tokens.look()
	if got := published(t, tokens, now); got != "b" {
		t.Errorf("published is %s", got)
	}
}

func TestThePublishedKeysAreThoseOfTheLastChangeWhoeverAsksMeanwhile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	keys := []map[string]any{jwk(t, "a", "EdDSA", nil), jwk(t, "bb", "EdDSA", nil)}
	write(t, file, keySet(t, keys[0]))
	tokens := tokenizer(t, Template{Name: "jwt", KeysFile: file, TTL: time.Minute})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 2000 {
			tokens.KeySet(now)
			if _, err := tokens.Sign(context.Background(), "jwt", about, now); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	want := ""
	for i := range 20 {
		remove(t, file)
		write(t, file, keySet(t, keys[i%2]))
		tokens.look()
		want = keys[i%2]["kid"].(string)
		if got := published(t, tokens, now); got != want {
			t.Fatalf("published is %s right after %s was taken", got, want)
		}
	}
	<-done
	if got := published(t, tokens, now); got != want {
		t.Errorf("published is %s in the end, want %s", got, want)
	}
}
