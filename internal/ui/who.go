package ui

import (
	"encoding/json"
	"strings"

	"exeunt/internal/wire"
)

// who names the person of a session: by e-mail address, else by what else tells people apart, else by the identity's
// id. It is "" when the session does not show its identity.
func who(s wire.Session) string {
	if s.Identity == nil {
		return ""
	}
	var traits map[string]any
	if err := json.Unmarshal(s.Identity.Traits, &traits); err != nil {
		traits = nil // traits that are no object name nobody
	}
	names := []any{traits["email"]}
	for _, a := range s.Identity.Verifiable {
		names = append(names, a.Value)
	}
	for _, n := range append(names, traits["username"], traits["phone"]) {
		if name, ok := n.(string); ok && name != "" {
			return name
		}
	}
	return s.Identity.ID
}

// device is a browser in simple words; what is not known is "".
type device struct {
	Browser, System, IP, Location string
}

// lastDevice is where the session authenticated last.
func lastDevice(s wire.Session) device {
	if len(s.Devices) == 0 {
		return device{}
	}
	d := s.Devices[len(s.Devices)-1]
	return device{firstIn(d.UserAgent, browsers), firstIn(d.UserAgent, systems), d.IP, d.Location}
}

// The marks of browsers and systems in a user agent. Each claims to be those below it as well, so the order matters.
var (
	browsers = [][2]string{
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
		{"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
	}
	systems = [][2]string{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"CrOS", "ChromeOS"}, {"Windows", "Windows"},
		{"Mac OS X", "macOS"}, {"Linux", "Linux"},
	}
)

func firstIn(agent string, marks [][2]string) string {
	for _, m := range marks {
		if strings.Contains(agent, m[0]) {
			return m[1]
		}
	}
	return ""
}
