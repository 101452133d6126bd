package browser

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

// shop is an application that asks whoami itself for every page, and gives its visitor the cookie that comes back.
type shop struct {
	address string
	auth    string // base address of the server, once there is one
}

// newShop opens one on this machine, where it shares the server's cookies.
func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.address = server.URL + "/"
	return s
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	email, cookies, err := s.whoami(r)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadGateway)
	case email == "":
		http.Redirect(w, r, s.auth+"/self-service/login/browser?return_to="+url.QueryEscape(s.address), http.StatusSeeOther)
	default:
		for _, cookie := range cookies {
			w.Header().Add("Set-Cookie", cookie)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		fmt.Fprintf(w, `<!doctype html><title>Shop</title><h1>The shop of <span id="who">%s</span></h1>`, html.EscapeString(email))
	}
}

// whoami returns who a visitor is, or "", and the lines of Set-Cookie for them.
func (s *shop) whoami(r *http.Request) (email string, cookies []string, err error) {
	ask, err := http.NewRequestWithContext(r.Context(), http.MethodGet, s.auth+"/sessions/whoami", nil)
	if err != nil {
		return "", nil, err
	}
	ask.Header.Set("Cookie", r.Header.Get("Cookie"))
	answer, err := http.DefaultClient.Do(ask)
	if err != nil {
		return "", nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusUnauthorized {
		return "", nil, nil
	}
	var session struct {
		Identity struct {
			Traits struct{ Email string }
		}
	}
	err = json.NewDecoder(answer.Body).Decode(&session)
	return session.Identity.Traits.Email, answer.Header["Set-Cookie"], err
}

// inShop is true on the shop's page for somebody.
func inShop(email string) string {
	return fmt.Sprintf(`document.querySelector("#who") && document.querySelector("#who").innerText === %q`, email)
}
