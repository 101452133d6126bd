package browser

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"exeunt/internal/testkit"
)

// known is what an administrator sees of a session.
type known struct {
	ID       string
	Active   bool
	Expires  time.Time `json:"expires_at"`
	Issued   time.Time `json:"issued_at"`
	Reason   string    `json:"end_reason"`
	By       string    `json:"ended_by"`
	Identity struct{ ID string }
}

// administer makes a request of the admin API and reads what it answers, if there is something to read into.
func administer(t *testing.T, p *testkit.Process, method, path string, into any) {
	t.Helper()
	r, err := http.NewRequest(method, p.Admin+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		t.Fatalf("%s %s: %d", method, path, answer.StatusCode)
	}
	if into != nil {
		if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
	}
}

// sessionOf is what an administrator sees of the session that a tab is signed in with.
func sessionOf(b *tab, p *testkit.Process) known {
	b.t.Helper()
	b.open(p.Public + "/ui/")
	return lookUp(b.t, p, evaluate[string](b, `document.querySelector("main").dataset.session`))
}

func lookUp(t *testing.T, p *testkit.Process, id string) (k known) {
	t.Helper()
	administer(t, p, http.MethodGet, "/admin/sessions/"+id+"?expand=identity", &k)
	return k
}

// whoami is the status that the server answers to a session cookie.
func whoami(t *testing.T, p *testkit.Process, cookie string) int {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, p.Public+"/sessions/whoami", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: sessionCookie, Value: cookie})
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}
