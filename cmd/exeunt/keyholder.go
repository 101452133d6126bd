package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"exeunt/internal/admin"
	"exeunt/internal/config"
	"exeunt/internal/fault"
	"exeunt/internal/store"
	"exeunt/internal/wire"
)

// keyVariable holds the key with which a command asks a server: on the command line everybody on the machine could read it.
const keyVariable = "EXEUNT_ADMIN_KEY"

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
	host := c.Serve.Admin.Host
	if c.Serve.Admin.Port == 0 {
		return nil, errors.New("a server has the database, and serve.admin.port does not say where it listens: name its admin address with --endpoint")
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return newRemoteKeys("http://" + net.JoinHostPort(host, strconv.Itoa(c.Serve.Admin.Port))), nil
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
type remoteKeys struct {
	base, key string
	client    *http.Client
}

func newRemoteKeys(address string) *remoteKeys {
	base := strings.TrimSuffix(strings.TrimSuffix(address, "/"), "/admin")
	refuse := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // the key is for nobody else
	return &remoteKeys{base, os.Getenv(keyVariable), &http.Client{Timeout: 30 * time.Second, CheckRedirect: refuse}}
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

// call asks the server and reads its answer.
func (k *remoteKeys) call(ctx context.Context, method, path string, body, into any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, k.base+path, bytes.NewReader(encoded))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if k.key != "" {
		req.Header.Set("Authorization", "Bearer "+k.key)
	}
	resp, err := k.client.Do(req)
	if err != nil {
		return fmt.Errorf("asking the running server: %w. Name its admin address with --endpoint, or stop it and try again", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	switch {
	case err != nil:
		return err
	case resp.StatusCode >= http.StatusMultipleChoices:
		return k.refused(resp.StatusCode, answer)
	case into == nil:
		return nil
	}
	return json.Unmarshal(answer, into)
}

// refused says what a server has against it.
func (k *remoteKeys) refused(status int, answer []byte) error {
	var envelope struct{ Error wire.Error }
	_ = json.Unmarshal(answer, &envelope) // what is not JSON is no server of ours
	reason := envelope.Error.Reason
	if reason == "" {
		reason = fmt.Sprintf("it answers %d", status)
	}
	if status == http.StatusUnauthorized {
		reason += " Put a key with the scope all into " + keyVariable + ", or stop the server and try again"
	}
	return fmt.Errorf("the running server at %s refuses: %s", k.base, reason)
}
