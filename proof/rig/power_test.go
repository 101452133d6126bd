package rig

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"exeunt/proof/check"
)

// TestAPowerCutLeavesWhatWasSynced reads a trace as strace writes one.
func TestAPowerCutLeavesWhatWasSynced(t *testing.T) {
	trace := filepath.Join(t.TempDir(), "trace")
	lines := `100 pwrite64(9</db>, "\0\1\12a\"\\\n\0011", 9, 0) = 9
100 pwrite64(9</db>, "xy", 2, 8 <unfinished ...>
101 pwrite64(8</other>, "zz", 2, 0) = 2
100 <... pwrite64 resumed>)           = 2
100 fsync(9</db> <unfinished ...>
101 pwrite64(9</db>, "late", 4, 16) = 4
100 <... fsync resumed>)              = 0
100 pwrite64(9</db>, "later", 5, 20) = 5
100 ftruncate(9</db>, 3) = 0
100 fdatasync(9</db>) = -1 EIO (Input/output error)
101 +++ killed by SIGKILL +++
`
	if err := os.WriteFile(trace, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	disks, err := replay(trace, map[string][]byte{"/db": []byte("before before")})
	if err != nil {
		t.Fatal(err)
	}
	d := disks["/db"]
	if want := []byte("\x00\x01\na\"\\\n\x01xyore"); !bytes.Equal(d.synced, want) || len(d.pending) != 3 || len(disks) != 1 {
		t.Errorf("%q with %d changes since, of %d files", d.synced, len(d.pending), len(disks))
	}
	r := &Rig{dice: rand.New(rand.NewPCG(1, 1))}
	seen := map[string]bool{}
	for range 200 {
		one := &disk{synced: bytes.Clone(d.synced), pending: d.pending}
		seen[string(one.after(r))] = true
	}
	if !seen[string(d.synced)] || !seen[string(d.synced[:3])] || len(seen) < 3 {
		t.Errorf("%d different ends, without the two that are certain", len(seen))
	}
}

// A sync that begins while something is being written says nothing of that, however it ends; and two may be under way at once.
func TestASyncIsOfWhatWasWrittenBeforeItBegan(t *testing.T) {
	tape := newTape()
	d := &disk{synced: []byte("....")}
	tape.disks["/db"] = d
	for _, step := range []struct{ line, synced string }{
		{`1 pwrite64(9</db>, "a", 1, 0) = 1`, "...."},
		{`1 pwrite64(9</db>, "b", 1, 1 <unfinished ...>`, "...."},
		{`2 fsync(9</db> <unfinished ...>`, "...."},
		{`1 <... pwrite64 resumed>)           = 1`, "...."},
		{`3 fdatasync(9</db> <unfinished ...>`, "...."},
		{`1 pwrite64(9</db>, "c", 1, 2 <unfinished ...>`, "...."},
		{`2 <... fsync resumed>)              = 0`, "a..."},
		{`3 <... fdatasync resumed>)          = 0`, "ab.."},
		{`2 fsync(9</db>)                     = 0`, "ab.."},
		{`1 <... pwrite64 resumed>)           = 1`, "ab.."},
		{`2 fsync(9</db>)                     = 0`, "abc."},
		{`1 pwrite64(9</db>, "d", 1, 3 <unfinished ...>`, "abc."},
		{`2 fsync(9</db>)                     = 0`, "abc."},
		{`1 +++ killed by SIGKILL +++`, "abc."},
	} {
		if err := tape.line(step.line); err != nil {
			t.Fatal(err)
		}
		if string(d.synced) != step.synced {
			t.Errorf("after %s %s is certain, want %s", step.line, d.synced, step.synced)
		}
	}
	for _, line := range []string{`2 pwrite64(9</db>, "d", 1, 3 <detached ...>`, `1 <... pwrite64 resumed>)           = ?`} { // the same once more
		if err := tape.line(line); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "db")
	for is, want := range map[string]bool{"abc.": true, "abcd": true, "ab.d": false, "ab..": false} {
		if err := os.WriteFile(file, []byte(is), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := d.complete(file); (err == nil) != want {
			t.Errorf("the file is %s: %v", is, err)
		}
	}
}

// A server that is killed while it writes leaves any part of its last write, from the beginning; all before is there.
func TestWhatAKilledServerLeavesIsAllThatWasSeenButTheEndOfTheLastWrite(t *testing.T) {
	synced := []byte("0123456789")
	write := func(at int64, data string) change { return change{at: at, data: []byte(data)} }
	for _, c := range []struct {
		pending []change
		is      string
		ok      bool
	}{
		{nil, "0123456789", true},
		{nil, "0123456780", false},
		{nil, "012345678", false},
		{[]change{write(2, "ab"), write(6, "cdef")}, "01ab45cdef", true},
		{[]change{write(2, "ab"), write(6, "cdef")}, "01ab456789", true},
		{[]change{write(2, "ab"), write(6, "cdef")}, "01ab45cd89", true},
		{[]change{write(2, "ab"), write(6, "cdef")}, "01ab4567ef", false},
		{[]change{write(2, "ab"), write(6, "cdef")}, "01a345cdef", false},
		{[]change{write(2, "ab"), write(6, "cdef")}, "0123456789", false},
		{[]change{write(8, "abcd")}, "01234567abcd", true},
		{[]change{write(8, "abcd")}, "01234567abc", true},
		{[]change{write(8, "abcd")}, "01234567a9", true},
		{[]change{write(8, "abcd")}, "01234567", false},
		{[]change{write(8, "abcd")}, "01234567abcde", false},
		{[]change{write(12, "ab")}, "0123456789\x00\x00a", true},
		{[]change{write(2, "ab"), {at: 4}}, "01ab", true},
		{[]change{write(2, "ab"), {at: 4}}, "01ab456789", true},
		{[]change{write(2, "ab"), {at: 4}}, "01ab4567", false},
	} {
		file := filepath.Join(t.TempDir(), "db")
		if err := os.WriteFile(file, []byte(c.is), 0o600); err != nil {
			t.Fatal(err)
		}
		d := &disk{synced: bytes.Clone(synced), pending: c.pending}
		if err := d.complete(file); (err == nil) != c.ok {
			t.Errorf("%q after %v: %v", c.is, c.pending, err)
		}
		if !bytes.Equal(d.synced, synced) {
			t.Errorf("looking has changed what is certain: %q", d.synced)
		}
	}
}

// TestPowerCutsFindAServerThatDoesNotSync runs a server that answers before the disk has what it says: the same run in
// which the real one breaks no promise has to find it.
func TestPowerCutsFindAServerThatDoesNotSync(t *testing.T) {
	t.Parallel()
	root, err := projectRoot()
	if err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(root, "internal", "store", "sqlite.go")
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	careless := bytes.Replace(text, []byte("synchronous(FULL)"), []byte("synchronous(NORMAL)"), 1)
	if bytes.Equal(careless, text) {
		t.Fatalf("%s does not say how it syncs", source)
	}
	binary, err := buildOtherwise(t.Context(), t.TempDir(), map[string]string{source: string(careless)})
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(Setups, func(s Setup) bool { return s.Name == "sqlite-power" })
	v, err := Run(t.Context(), Setups[at], Options{Binary: binary, Dir: t.TempDir(), Seed: 1, Length: Length{3000, 8}, Say: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	undone := func(one check.Violation) bool { return one.Promise == check.Final || one.Promise == check.AtOnce }
	if !slices.ContainsFunc(v.Violations, undone) {
		t.Errorf("%d operations, %v: no sign-out was undone", v.Ops, v.Faults)
	}
}

func TestATraceThatIsNotUnderstoodIsRefused(t *testing.T) {
	for _, line := range []string{
		`1 pwrite64(9</db>, "cut short"..., 9000, 0) = 9000`,
		`1 pwrite64(9</db>, "no end`,
		`1 mmap(9</db>, 0) = 0`,
		`1 ftruncate(9</db>, much) = 0`,
	} {
		tape := newTape()
		tape.disks["/db"] = &disk{}
		if err := tape.line(line); err == nil {
			t.Errorf("%s is taken", line)
		}
	}
}
