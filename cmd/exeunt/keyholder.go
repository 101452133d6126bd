package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"exeunt/internal/admin"
	"exeunt/internal/config"
	"exeunt/internal/fault"
	"exeunt/internal/store"
	"exeunt/internal/wire"
)

// open opens the store, or turns to the server that has it.
func (o *keyOptions) open(ctx context.Context) (keyholder, error) {
	if o.endpoint != "" {
		return newRemoteKeys(o.endpoint), nil
	}
	c, err := load(o.files, false)
	if err != nil {
		return nil, err
	}
	if c.DSN == "memory" {
		return besideServer(c.Config)
	}
	s, err := store.Open(ctx, dsn(c.Config), store.Options{})
	if errors.Is(err, store.ErrLocked) {
		return besideServer(c.Config)
	}
	if err != nil {
		return nil, err
	}
	if err := s.Migrated(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &storedKeys{s, admin.NewKeyring(s)}, nil
}

// besideServer asks the server that has the database: at its admin listener.
func besideServer(c *config.Config) (keyholder, error) {
	address, err := adminAddress(c)
	if err != nil {
		return nil, fmt.Errorf("a server has the database, and %w", err)
	}
	return newRemoteKeys(address), nil
}

// storedKeys are the keys of a store that this process has opened.
type storedKeys struct {
	store   *store.Store
	keyring *admin.Keyring
}

func (k *storedKeys) list(ctx context.Context) ([]wire.Key, error) {
	all, err := k.store.AdminKeys(ctx)
	shown := make([]wire.Key, len(all))
	for i, one := range all {
		shown[i] = wire.FromKey(one, time.Now())
	}
	return shown, said(err)
}

func (k *storedKeys) create(ctx context.Context, asked wire.NewKey) (wire.Key, error) {
	scopes, err := admin.ParseScopes(asked.Scopes)
	if err != nil {
		return wire.Key{}, said(err)
	}
	expires := time.Time{}
	if asked.ExpiresAt != nil {
		expires = *asked.ExpiresAt
	}
	made, secret, err := k.keyring.Create(ctx, asked.Name, scopes, expires)
	if err != nil {
		return wire.Key{}, said(err)
	}
	return wire.FromNewKey(made, secret, time.Now()), nil
}

func (k *storedKeys) revoke(ctx context.Context, id string) error {
	return said(k.keyring.Revoke(ctx, id))
}

func (k *storedKeys) close() error { return k.store.Close() }

// said is what a person on a terminal has to read of a failure.
func said(err error) error {
	var f *fault.Error
	if errors.As(err, &f) && f.Kind != fault.Unavailable {
		return errors.New(f.Reason)
	}
	return err
}

// remoteKeys are the keys of a running server.
type remoteKeys struct{ *adminClient }

func newRemoteKeys(address string) *remoteKeys {
	c := newAdminClient(address)
	c.otherwise = "or stop the server and try again"
	return &remoteKeys{c}
}

func (k *remoteKeys) list(ctx context.Context) (all []wire.Key, err error) {
	err = k.call(ctx, http.MethodGet, "/admin/keys", nil, &all)
	return all, err
}

func (k *remoteKeys) create(ctx context.Context, asked wire.NewKey) (made wire.Key, err error) {
	err = k.call(ctx, http.MethodPost, "/admin/keys", asked, &made)
	return made, err
}

func (k *remoteKeys) revoke(ctx context.Context, id string) error {
	return k.call(ctx, http.MethodDelete, "/admin/keys/"+id, nil, nil)
}

func (k *remoteKeys) close() error { return nil }
