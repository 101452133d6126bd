package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"exeunt/internal/identity"
	"exeunt/internal/session"
	"exeunt/internal/testkit"
)

var sameSession = []cmp.Option{cmpopts.IgnoreUnexported(session.Session{}), cmpopts.IgnoreFields(identity.Identity{}, "Credentials"), cmpopts.EquateEmpty()}

// generators of whatever a session may hold
var (
	anyText = rapid.OneOf(rapid.SampledFrom([]string{"", "password", "Ghent, BE", strings.Repeat("long", 300)}), rapid.String())
	anyTime = rapid.Custom(func(r *rapid.T) time.Time {
		return rapid.OneOf(rapid.Just(time.Time{}), rapid.Just(now), rapid.Custom(func(r *rapid.T) time.Time {
			return moment(rapid.Int64Range(1, 1<<52).Draw(r, "µs"))
		})).Draw(r, "time")
	})
	anyUUID    = rapid.Custom(func(r *rapid.T) uuid.UUID { return uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(r, "id")) })
	anyAddress = rapid.Custom(func(r *rapid.T) identity.Address {
		return identity.Address{ID: anyUUID.Draw(r, "id"), Value: rapid.OneOf(rapid.Just("a@example.org"), anyText).Draw(r, "value"),
			Via: anyText.Draw(r, "via"), Verified: rapid.Bool().Draw(r, "verified"), Status: anyText.Draw(r, "status"),
			VerifiedAt: anyTime.Draw(r, "verified at"), CreatedAt: anyTime.Draw(r, "created"), UpdatedAt: anyTime.Draw(r, "updated")}
	})
	anyDocument = rapid.Custom(func(r *rapid.T) json.RawMessage {
		return json.RawMessage(rapid.SampledFrom([]string{"", "null", `{"email":"a@example.org"}`, `{"x":"` + strings.Repeat("y", 2000) + `"}`}).Draw(r, "document"))
	})
)

func anySession(r *rapid.T) *session.Session {
	i := &identity.Identity{ID: identity.ID(anyUUID.Draw(r, "identity")), ExternalID: anyText.Draw(r, "external"), SchemaID: anyText.Draw(r, "schema"),
		State: identity.State(anyText.Draw(r, "state")), StateChangedAt: anyTime.Draw(r, "state changed"), Traits: anyDocument.Draw(r, "traits"),
		Verifiable: rapid.SliceOfN(anyAddress, 0, 3).Draw(r, "verifiable"), Recovery: rapid.SliceOfN(anyAddress, 0, 3).Draw(r, "recovery"),
		MetadataPublic: anyDocument.Draw(r, "public"), MetadataAdmin: anyDocument.Draw(r, "admin"), OrganizationID: anyText.Draw(r, "organization"),
		AvailableAAL: identity.AAL(rapid.IntRange(0, 2).Draw(r, "available")), CreatedAt: anyTime.Draw(r, "created"), UpdatedAt: anyTime.Draw(r, "updated")}
	s := &session.Session{ID: session.ID(anyUUID.Draw(r, "id")), IdentityID: i.ID, Identity: i, CreatedAt: anyTime.Draw(r, "created"),
		IssuedAt: anyTime.Draw(r, "issued"), AuthenticatedAt: anyTime.Draw(r, "authenticated"), ExpiresAt: anyTime.Draw(r, "expires"),
		DeadlineAt: anyTime.Draw(r, "deadline"), ExtendedAt: anyTime.Draw(r, "extended"), LastSeenAt: anyTime.Draw(r, "seen"),
		Remembered: rapid.Bool().Draw(r, "remembered"), Rotation: rapid.Int64Range(0, 1<<62).Draw(r, "rotation"), AAL: identity.AAL(rapid.IntRange(0, 2).Draw(r, "aal"))}
	for range rapid.IntRange(0, 4).Draw(r, "methods") {
		s.Methods = append(s.Methods, session.MethodUse{Method: anyText.Draw(r, "method"), AAL: identity.AAL(rapid.IntRange(0, 2).Draw(r, "aal")), CompletedAt: anyTime.Draw(r, "completed")})
	}
	for range rapid.IntRange(0, 3).Draw(r, "devices") {
		s.Devices = append(s.Devices, session.Device{ID: anyUUID.Draw(r, "device"), IP: anyText.Draw(r, "ip"), UserAgent: anyText.Draw(r, "agent"), Location: anyText.Draw(r, "location")})
	}
	return s
}

func TestWhatIsPackedIsReadAsItWas(t *testing.T) {
	c := compact{newWords()}
	rapid.Check(t, func(r *rapid.T) {
		s := anySession(r)
		packed := c.session(s)
		if got := c.identityOf(string(packed)); got != s.IdentityID {
			r.Fatalf("belongs to %v, want %v", got, s.IdentityID)
		}
		owner := string(c.identity(s.Identity))
		if diff := cmp.Diff(s, c.read(string(packed), owner), sameSession...); diff != "" {
			r.Fatal(diff)
		}
		c.used(packed, 7, 9)
		if diff := cmp.Diff(s.Seen(moment(7), moment(9)), c.read(string(packed), owner), sameSession...); diff != "" {
			r.Fatal("after it was used: ", diff)
		}
	})
}

func TestWhatIsReadBeginsALineOfMemory(t *testing.T) {
	c := compact{newWords()}
	s, _ := testkit.Session(testkit.Identity(testkit.Email()), now)
	packed, owner := string(c.session(s)), string(c.identity(s.Identity))
	for range 10 {
		if at := uintptr(unsafe.Pointer(c.read(packed, owner))); at%64 != 0 {
			t.Fatalf("it begins %d bytes behind one", at%64)
		}
	}
}

// Documents that are missing are told from empty ones: they are shown in another way.
func TestMissingDocumentsStayMissing(t *testing.T) {
	c := compact{newWords()}
	i := testkit.Identity(testkit.Email())
	i.MetadataPublic = json.RawMessage("{}")
	s, _ := testkit.Session(i, now)
	got := c.read(string(c.session(s)), string(c.identity(i))).Identity
	if got.MetadataPublic == nil || got.MetadataAdmin != nil || got.Verifiable == nil {
		t.Errorf("%+v", got)
	}
}

func TestAnOrdinarySessionTakesLittle(t *testing.T) {
	c := compact{newWords()}
	i := testkit.Identity("0123456789abcdef@example.org")
	s, _ := testkit.Session(i, now)
	for name, size := range map[string]struct{ is, want int }{"session": {len(c.session(s)), 110}, "identity": {len(c.identity(i)), 150}} {
		if size.is > size.want {
			t.Errorf("an ordinary %s takes %d bytes, want at most %d", name, size.is, size.want)
		}
	}
}

func TestWordsHaveRoomForSoManyAndNoLongerOnes(t *testing.T) {
	w := newWords()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for n := range maxWords + 100 {
				word := fmt.Sprint("word ", n)
				if number, ok := w.number(word); ok && w.word(number) != word {
					t.Errorf("%q is read as %q", word, w.word(number))
				}
			}
		})
	}
	all.Wait()
	if n := len(*w.list.Load()); n != maxWords {
		t.Errorf("there are %d words, want %d", n, maxWords)
	}
	if _, ok := newWords().number(strings.Repeat("x", maxWord+1)); ok {
		t.Error("a long text is a word")
	}
}
