package ui

import (
	"strconv"
	"time"

	"exeunt/internal/wire"
)

// ended is the message about the end of a session.
func ended(why string) wire.Message {
	return wire.Message{ID: 1100003, Text: "The session has ended.", Type: "info", Context: map[string]any{"end_reason": why}}
}

func factor(name string, label wire.Message) wire.Node {
	n := required(input(name, "text", nil, label))
	n.Attributes.Autocomplete = "one-time-code"
	return n
}

func button(group, name, value string, id int, text string) wire.Node {
	return inGroup(group, input(name, "submit", value, info(id, text)))
}

var (
	appCode     = inGroup("totp", factor("totp_code", info(1010006, "Authentication code")))
	useApp      = button("totp", "method", "totp", 1010009, "Use authenticator app")
	recovery    = inGroup("lookup_secret", factor("lookup_secret", info(1010007, "Backup recovery code")))
	useRecovery = button("lookup_secret", "method", "lookup_secret", 1010010, "Use backup recovery code")

	saveName     = button("profile", "method", "profile", 1070003, "Save")
	savePassword = button("password", "method", "password", 1070003, "Save")
	verify       = inGroup("totp", factor("totp_code", info(1070006, "Verify code")))
	saveApp      = button("totp", "method", "totp", 1070003, "Save")
	noApp        = button("totp", "totp_unlink", "true", 1050004, "Remove the authenticator app")
	makeCodes    = button("lookup_secret", "lookup_secret_regenerate", "true", 1050008, "Make new recovery codes")
	showCodes    = button("lookup_secret", "lookup_secret_reveal", "true", 1050007, "Show the recovery codes")
	keepCodes    = button("lookup_secret", "lookup_secret_confirm", "true", 1050011, "I have kept these codes")
	noCodes      = button("lookup_secret", "lookup_secret_disable", "true", 1050016, "Remove the recovery codes")

	saved = []wire.Message{{ID: 1050001, Text: "Saved.", Type: "success"}, {ID: 1100002, Text: "Others: 2.", Type: "info", Context: map[string]any{"sessions_ended": 2.0}}}
)

func second(messages []wire.Message, nodes ...wire.Node) SecondFactorPage {
	v := login(append([]wire.Message{info(1010004, "Please complete the second factor.")}, messages...), append([]wire.Node{csrf}, nodes...)...)
	return SecondFactorPage{UI: v.UI, Session: session(), SignOut: signOut}
}

const dot = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABAQAAAAA3bvkkAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="

var qr = picturing(dot)

func picturing(src string) wire.Node {
	label := info(1050005, "QR code for the authenticator app")
	return wire.Node{Type: "img", Group: "totp", Meta: wire.Meta{Label: &label},
		Attributes: wire.Attributes{Image: &wire.Image{Src: src, ID: "totp_qr", Width: 256, Height: 256, Type: "img"}}}
}

var key = telling("totp", "totp_secret_key", info(1050017, "Secret of the authenticator app"),
	wire.Message{ID: 1050006, Text: "JBSWY3DPEHPK3PXP", Type: "info", Context: map[string]any{"secret": "JBSWY3DPEHPK3PXP"}})

func telling(group, id string, label, text wire.Message) wire.Node {
	return wire.Node{Type: "text", Group: group, Meta: wire.Meta{Label: &label}, Attributes: wire.Attributes{ID: id, Text: &text, NodeType: "text"}}
}

// codesNode lists recovery codes; "" is one that was used.
func codesNode(codes ...string) wire.Node {
	all := make([]map[string]any, len(codes))
	for i, code := range codes {
		all[i] = map[string]any{"id": 1050009, "text": code, "type": "info", "context": map[string]any{"secret": code}}
		if code == "" {
			at := time.Date(2026, 11, 2, 17, 4, 5, 0, time.UTC)
			all[i] = map[string]any{"id": 1050014, "text": "used", "type": "info", "context": map[string]any{"used_at": at, "used_at_unix": at.Unix()}}
		}
	}
	return telling("lookup_secret", "lookup_secret_codes", info(1050010, "Recovery codes."),
		wire.Message{ID: 1050015, Text: "…", Type: "info", Context: map[string]any{"secrets": all}})
}

// settings has a section for the traits, one for the password, and those of the nodes.
func settings(messages []wire.Message, nodes ...wire.Node) SettingsPage {
	all := append([]wire.Node{csrf, inGroup("profile", email("email", "ada@example.org")), saveName, password("new-password"), savePassword}, nodes...)
	return SettingsPage{Session: session(), Home: base + "ui/", Sessions: base + "ui/sessions",
		UI: wire.UI{Action: base + "self-service/settings?flow=f3", Method: "POST", Nodes: all, Messages: messages}}
}

// everywhere has two other sessions, one that was seen a moment ago, and one of each reason that is over.
func everywhere(done string) SessionsPage {
	now := session().AuthenticatedAt.Add(time.Hour)
	at := func(id string, seen time.Duration) wire.Session {
		s, last := session(), now.Add(-seen)
		s.ID, s.LastSeenAt = id, &last
		return s
	}
	one, two := at("s2", 2*time.Minute), at("s3", 121*time.Second)
	one.AAL, one.Remembered, one.Devices[0].Location = "aal2", true, "Ghent, BE"
	two.Devices, two.Methods = nil, []wire.Method{{Method: "password", CompletedAt: now.Add(-72 * time.Hour)}}
	v := SessionsPage{Here: session(), Others: []wire.Session{one, two}, More: true, Now: now, Done: done, Action: base + "ui/sessions", CSRF: "c3Jm", Home: base + "ui/"}
	for i, why := range []string{"logout", "revoked", "revoked_by_admin", "credential_changed", "identity_disabled", "identity_deleted", "limit", "restored", "expired", ""} {
		over, end := at("e"+strconv.Itoa(i), time.Hour), now.Add(-time.Duration(i)*time.Minute)
		if over.EndReason = why; why != "" {
			over.EndedAt = &end
		}
		v.Ended = append(v.Ended, over)
	}
	return v
}
