package admin

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"exeunt/internal/fault"
	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// Store keeps keys. Every method is atomic, durable when it returns, and safe for concurrent use; what it reports as done
// is seen by every later call on every node. Each change writes its event in the same transaction.
type Store interface {
	// InsertAdminKey stores a new key under the hash of its secret, or is ErrNameTaken.
	InsertAdminKey(ctx context.Context, k *Key, secret session.TokenHash) error

	// RevokeAdminKey revokes a key. One that was revoked before is a success; ErrNoKey if there is none.
	RevokeAdminKey(ctx context.Context, id string, now time.Time, by string) error

	// AdminKeys lists all keys, those too that were revoked, the newest first.
	AdminKeys(ctx context.Context) ([]*Key, error)

	// AdminKey returns the key with this secret, in whatever state, or nil; and whether there is any key that was not
	// revoked.
	AdminKey(ctx context.Context, secret session.TokenHash) (k *Key, any bool, err error)

	// StartVisit writes down that somebody has entered the console.
	StartVisit(ctx context.Context, v Visit, now time.Time) error

	// EndVisit ends a visit for good; what is kept of it may go once it would have run out. One that was ended before is
	// a success.
	EndVisit(ctx context.Context, v Visit, now time.Time) error

	// VisitEnded reports whether somebody has ended a visit.
	VisitEnded(ctx context.Context, id string) (bool, error)

	// TouchAdminKey notes that a key was used, unless that was noted after since.
	TouchAdminKey(ctx context.Context, id string, now, since time.Time) error
}

// Visit is somebody's stay in the console.
type Visit struct {
	ID                string
	Actor             string    // the name of a key, or the id of an identity; "" for nobody in particular, of whom no event tells
	Session, Identity string    // ids, of a person; "" of a key
	Expires           time.Time // at the latest
}

// Keyring applies the rules of keys. It is safe for concurrent use.
type Keyring struct {
	Store Store
	Now   func() time.Time // nil means time.Now

	mu   sync.Mutex
	used map[string]time.Time // when this process last noted that a key was used
}

// NewKeyring makes one.
func NewKeyring(s Store) *Keyring { return &Keyring{Store: s, used: map[string]time.Time{}} }

func (r *Keyring) now() time.Time {
	if r.Now != nil {
		return r.Now().UTC().Truncate(time.Microsecond)
	}
	return time.Now().UTC().Truncate(time.Microsecond)
}

// Create makes a key. Its secret exists in what is returned and nowhere else.
func (r *Keyring) Create(ctx context.Context, name string, scopes []Scope, expires time.Time) (*Key, session.Secret, error) {
	now := r.now()
	switch {
	case checkName(name) != nil:
		return nil, session.Secret{}, ErrBadName
	case len(scopes) == 0:
		return nil, session.Secret{}, ErrBadScope
	case !expires.IsZero() && !expires.After(now):
		return nil, session.Secret{}, ErrBadExpiry
	}
	k := &Key{ID: uuid.NewString(), Name: name, Scopes: scopes, CreatedAt: now, CreatedBy: identity.AdminIn(ctx)}
	if !expires.IsZero() {
		k.ExpiresAt = expires.UTC().Truncate(time.Microsecond)
	}
	secret := session.NewSecret(InKey)
	return k, secret, r.Store.InsertAdminKey(ctx, k, secret.Hash())
}

// Revoke ends a key for good. A second time is a success.
func (r *Keyring) Revoke(ctx context.Context, id string) error {
	if uuid.Validate(id) != nil {
		return ErrNoKey
	}
	return r.Store.RevokeAdminKey(ctx, strings.ToLower(id), r.now(), identity.AdminIn(ctx))
}

// Locked reports whether there is a key that was not revoked, and so the API asks for one.
func (r *Keyring) Locked(ctx context.Context) (bool, error) {
	_, any, err := r.Store.AdminKey(ctx, session.TokenHash{})
	return any, err
}

// Admission failures.
var (
	ErrKeyMissing = fault.New(fault.Unauthenticated, "admin_key_missing", "The admin API needs a key. Send it in the header: Authorization: Bearer "+string(InKey)+"…")
	ErrKeyWrong   = fault.New(fault.Unauthenticated, "admin_key_wrong", "This key does not count: it is unknown, was revoked, or has expired.")
	ErrScope      = fault.New(fault.Forbidden, "admin_key_scope_missing", "The key does not allow this.")
)

// Admit judges what a request carries. The key is nil, without an error, when the request carries none and no key was
// made or all were revoked, so that none is asked for. A key that has expired still asks for one: time must not open what
// somebody has locked.
func (r *Keyring) Admit(ctx context.Context, bearer string, need Scope) (*Key, error) {
	secret, err := session.ParseSecret(bearer)
	shaped := err == nil && secret.Made(InKey)
	k, err := r.AdmitHash(ctx, secret.Hash(), need)
	if !errors.Is(err, ErrKeyWrong) && (err != nil || k == nil || shaped) {
		return k, err
	}
	if bearer == "" {
		return nil, ErrKeyMissing
	}
	return nil, ErrKeyWrong
}

// AdmitHash is Admit for whoever has shown the key before, and of whom only its hash was kept.
func (r *Keyring) AdmitHash(ctx context.Context, secret session.TokenHash, need Scope) (*Key, error) {
	k, any, err := r.Store.AdminKey(ctx, secret)
	now := r.now()
	switch {
	case err != nil:
		return nil, err
	case !any:
		return nil, nil
	case k == nil || !k.Live(now):
		return nil, ErrKeyWrong
	case !k.Allows(need):
		return k, ErrScope.Saying("The key %s has not the scope %s, which this needs.", k.Name, need).WithDetail("scope", string(need))
	}
	r.noteUse(ctx, k, now)
	return k, nil
}

// grain is how exactly last use is known.
const grain = time.Minute

// noteUse writes down that a key was used, once a minute and process. That it could not be written is no reason to refuse.
func (r *Keyring) noteUse(ctx context.Context, k *Key, now time.Time) {
	since := now.Add(-grain)
	if k.LastUsedAt.After(since) || !r.first(k.ID, now) {
		return
	}
	_ = r.Store.TouchAdminKey(ctx, k.ID, now, since)
}

// first reports whether nobody else in this process notes the use of a key at the moment.
func (r *Keyring) first(id string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last, ok := r.used[id]; ok && now.Sub(last) < grain {
		return false
	}
	r.used[id] = now
	return true
}
