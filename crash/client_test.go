package crash

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// client talks to one server. Every request has an end, so that a server that hangs fails the test.
type client struct {
	http          *http.Client
	public, admin string
}

func newClient(public, admin string) *client {
	return &client{http: &http.Client{Timeout: 30 * time.Second}, public: public, admin: admin}
}

// call sends JSON and returns the status and the body; an error means that no answer came.
func (c *client) call(ctx context.Context, method, address, token string, body any) (int, map[string]any, error) {
	var reader io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		reader = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, reader)
	if err != nil {
		return 0, nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("X-Session-Token", token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil, err
	}
	v := map[string]any{}
	_ = json.Unmarshal(raw, &v) // an empty body stays empty
	return resp.StatusCode, v, nil
}

const passphrase = "seven quiet herons"

// addPerson makes an identity that can sign in.
func (c *client) addPerson(ctx context.Context, email string) error {
	status, _, err := c.call(ctx, "POST", c.admin+"/admin/identities", "", map[string]any{
		"schema_id": "default", "traits": map[string]any{"email": email},
		"credentials": map[string]any{"password": map[string]any{"config": map[string]any{"password": passphrase}}},
	})
	if err == nil && status != http.StatusCreated {
		err = fmt.Errorf("creating an identity answered %d", status)
	}
	return err
}

// signIn returns the token and the session's id.
func (c *client) signIn(ctx context.Context, email string) (token, id string, err error) {
	status, f, err := c.call(ctx, "GET", c.public+"/self-service/login/api", "", nil)
	if err != nil || status != http.StatusOK {
		return "", "", fmt.Errorf("beginning a login: status %d: %w", status, err)
	}
	status, a, err := c.call(ctx, "POST", f["ui"].(map[string]any)["action"].(string), "", map[string]any{
		"method": "password", "identifier": email, "password": passphrase,
	})
	if err != nil || status != http.StatusOK {
		return "", "", fmt.Errorf("signing in: status %d: %w", status, err)
	}
	return a["session_token"].(string), a["session"].(map[string]any)["id"].(string), nil
}

// signOut returns the status of a native logout.
func (c *client) signOut(ctx context.Context, token string) (int, error) {
	status, _, err := c.call(ctx, "DELETE", c.public+"/self-service/logout/api", "", map[string]any{"session_token": token})
	return status, err
}
