package store

import (
	"bytes"
	"errors"
	"sync"
	"testing"

	"exeunt/internal/fault"
	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// TestCommitWhoseAnswerIsLost cuts the connection between a commit and its answer. What may have been carried out is not
// tried again as if it had not been: the second time finds nothing to end.
func TestCommitWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	onPostgres(t, func(t *testing.T, dsn string) {
		f, p := behindProxy(t, dsn)
		i := f.someone()
		ids := []session.ID{f.signIn(i).ID, f.signIn(i).ID}
		var once sync.Once
		p.OnAnswer(func(b []byte) {
			if bytes.Contains(b, []byte("COMMIT\x00")) {
				once.Do(func() { p.Cut(); p.Heal() })
			}
		})
		done, err := f.EndSessions(f.ctx, session.Scope{Identities: []identity.ID{i.ID}}, session.End{At: now, Reason: session.RevokedByAdmin, By: session.Admin})
		p.OnAnswer(nil)
		if !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("ended %d: %v", done.Count, err)
		}
		for _, id := range ids {
			if reason, err := f.EndReason(f.ctx, id); err != nil || reason != session.RevokedByAdmin {
				t.Errorf("the commit did not take place: %q, %v", reason, err)
			}
		}
	})
}
