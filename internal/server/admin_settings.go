package server

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"exeunt/internal/fault"
	"exeunt/internal/wire"
)

// Settings are what can be changed while servers run.
type Settings interface {
	// Show returns them as the store has them.
	Show(ctx context.Context) (wire.Settings, error)

	// Change applies a JSON merge patch (RFC 7396) to what is stored, and returns what is in force then, on this node at
	// once and on all others soon. A version that is not negative has to be the present one, or it is ErrSettingsChanged.
	// What breaks a rule of the configuration is a fault that names all of it, and changes nothing.
	Change(ctx context.Context, patch map[string]any, version int64) (wire.Settings, error)
}

// ErrSettingsChanged means that a version of the settings is not the present one.
var ErrSettingsChanged = fault.New(fault.Outdated, "settings_changed_meanwhile", "The settings were changed since. Read them again, and change what they are now.")

var errNoPatch = fault.New(fault.Invalid, "settings_patch_invalid", "The request body is null; it has to be an object with the settings to change, in the sections of a configuration file.")

var errIfMatch = fault.New(fault.Invalid, "if_match_invalid", `The header If-Match is not the ETag of settings, which looks like "7".`)

// settings shows what can be changed while servers run.
func (s *Server) settings(w http.ResponseWriter, r *http.Request) error {
	shown, err := s.Settings.Show(r.Context())
	if err != nil {
		return err
	}
	return replySettings(w, shown)
}

// changeSettings changes some of it.
func (s *Server) changeSettings(w http.ResponseWriter, r *http.Request) error {
	version, err := ifMatch(r)
	if err != nil {
		return err
	}
	patch := map[string]any{}
	if err := readMergePatch(w, r, &patch); err != nil {
		return err
	}
	if patch == nil {
		return errNoPatch
	}
	shown, err := s.Settings.Change(r.Context(), patch, version)
	if err != nil {
		return err
	}
	note(w, "settings_version", shown.Version)
	return replySettings(w, shown)
}

// readMergePatch also takes the media type that RFC 7396 registers.
func readMergePatch(w http.ResponseWriter, r *http.Request, into any) error {
	if mediaType(r) != "application/merge-patch+json" {
		return readJSON(w, r, maxBody, into, false)
	}
	body, err := readAll(w, r, maxBody)
	if err != nil {
		return err
	}
	return wire.Decode(body, into, false)
}

func replySettings(w http.ResponseWriter, shown wire.Settings) error {
	w.Header().Set("ETag", strconv.Quote(strconv.FormatInt(shown.Version, 10)))
	return reply(w, http.StatusOK, shown)
}

// ifMatch is the version that a request is meant for, or -1 for any (RFC 9110, section 13.1.1).
func ifMatch(r *http.Request) (int64, error) {
	values := r.Header.Values("If-Match")
	if len(values) == 0 || len(values) == 1 && strings.TrimSpace(values[0]) == "*" {
		return -1, nil
	}
	text, quoted := strings.CutPrefix(strings.TrimSpace(values[0]), `"`)
	text, closed := strings.CutSuffix(text, `"`)
	version, err := strconv.ParseInt(text, 10, 64)
	if len(values) > 1 || !quoted || !closed || err != nil || version < 0 {
		return 0, errIfMatch
	}
	return version, nil
}
