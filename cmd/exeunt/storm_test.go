package main

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"exeunt/internal/testkit"
)

// Far more people sign in at once than passwords can be hashed: those over the queue's end are told when to come again,
// all others get in, and session checks are answered meanwhile.
func TestAStormOfSignInsIsAnsweredWithoutCollapsing(t *testing.T) {
	const people = 10
	atOnce := 100 + 130*runtime.GOMAXPROCS(0) // twice what may wait
	t.Setenv("HASHERS_ARGON2_MEMORY", "32MB") // which takes far longer than to ask for it
	in := start(t, testkit.File(t), "")
	for n := range people {
		in.register(fmt.Sprintf("p%d@example.org", n))
	}
	token, _ := in.login("p0@example.org")
	actions := make([]string, atOnce)
	for n := range actions {
		actions[n] = in.act(in.call("GET", in.public+"/self-service/login/api", nil).expect(t, 200))
	}
	var storm sync.WaitGroup
	var signedIn, refused atomic.Int64
	for n, action := range actions {
		storm.Go(func() {
			body := fmt.Sprintf(`{"method":"password","identifier":"p%d@example.org","password":%q}`, n%people, passphrase)
			resp, err := in.client.Post(action, "application/json", strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
			switch {
			case resp.StatusCode == 200:
				signedIn.Add(1)
			case resp.StatusCode == 429 && resp.Header.Get("Retry-After") != "" && resp.Header.Get("Ory-Error-Id") == "password_hashing_busy":
				refused.Add(1)
			default:
				t.Errorf("status %d %s", resp.StatusCode, resp.Header.Get("Ory-Error-Id"))
			}
		})
	}
	over, checks := make(chan struct{}), 0
	go func() { storm.Wait(); close(over) }()
	for done := false; !done; checks++ {
		select {
		case <-over:
			done = true
		default:
		}
		in.whoami(token).expect(t, http.StatusOK)
	}
	t.Logf("%d signed in, %d were told to come again; %d checks meanwhile", signedIn.Load(), refused.Load(), checks)
	if signedIn.Load()+refused.Load() != int64(atOnce) || refused.Load() == 0 || signedIn.Load() == 0 {
		t.Errorf("%d signed in, %d were refused", signedIn.Load(), refused.Load())
	}
	in.login("p1@example.org") // and afterwards all is as it was
}
