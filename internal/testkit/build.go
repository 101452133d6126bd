package testkit

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"exeunt/internal/flow"
	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// Now is the moment at which what this package builds was made, in the precision of the stores.
var Now = time.Date(2026, time.March, 4, 5, 6, 7, 8000, time.UTC)

// Lifespan is how long a built session lasts.
const Lifespan = time.Hour

// Email returns an address that no other call returns.
func Email() string { return strings.ToLower(rand.Text()) + "@example.com" }

// Identity makes an active identity that signs in with a password under email.
func Identity(email string) *identity.Identity {
	traits, _ := json.Marshal(map[string]string{"email": email}) // strings cannot fail
	return &identity.Identity{
		ID: identity.NewID(), SchemaID: "default", State: identity.Active, StateChangedAt: Now, Traits: traits,
		Verifiable: []identity.Address{{ID: uuid.New(), Value: email, Via: "email", Status: identity.StatusPending, CreatedAt: Now, UpdatedAt: Now}},
		Recovery:   []identity.Address{{ID: uuid.New(), Value: email, Via: "email", CreatedAt: Now, UpdatedAt: Now}},
		Credentials: identity.Credentials{
			identity.Password: {Type: identity.Password, Identifiers: []string{identity.FoldIdentifier(email)}, Version: 1,
				Config: identity.PasswordConfig("$argon2id$v=19$m=16,t=1,p=1$c2FsdHNhbHQ$aGFzaA"), CreatedAt: Now, UpdatedAt: Now},
		},
		AvailableAAL: identity.AAL1, CreatedAt: Now, UpdatedAt: Now,
	}
}

// Session makes a session of an identity that started now and lasts for Lifespan, and its token.
func Session(i *identity.Identity, now time.Time) (*session.Session, session.Secret) {
	return &session.Session{
		ID: session.NewID(), IdentityID: i.ID, Identity: i, CreatedAt: now, IssuedAt: now, AuthenticatedAt: now,
		ExpiresAt: now.Add(Lifespan), DeadlineAt: now.Add(Lifespan), LastSeenAt: now, AAL: identity.AAL1,
		Methods: []session.MethodUse{{Method: "password", AAL: identity.AAL1, CompletedAt: now}},
		Devices: []session.Device{{ID: uuid.New(), IP: "192.0.2.7", UserAgent: "browser/1", Location: "Ghent, BE"}},
	}, session.NewSecret(session.InHeader)
}

// Flow makes a flow of a kind that began now and lasts for Lifespan.
func Flow(kind flow.Kind, now time.Time) *flow.Flow {
	id := flow.ID(uuid.New())
	return &flow.Flow{ID: id, Kind: kind, Type: flow.API, IssuedAt: now, ExpiresAt: now.Add(Lifespan), UpdatedAt: now,
		RequestURL: fmt.Sprintf("http://127.0.0.1:4433/self-service/%s/api", kind), State: flow.ChooseMethod}
}
