package server

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"exeunt/internal/fault"
	"exeunt/internal/ui"
	"exeunt/internal/wire"
)

// The settings of the page of redirects, by the names of its fields.
var redirectKeys = map[string]string{
	"logout":  "selfservice.flows.logout.after.default_browser_return_url",
	"default": "selfservice.default_browser_return_url",
	"allowed": "selfservice.allowed_return_urls",
}

// consoleRedirects shows where browsers may be sent.
func (s *Server) consoleRedirects(w http.ResponseWriter, r *http.Request, v *visit) error {
	shown, err := s.Settings.Show(r.Context())
	if err != nil {
		return err
	}
	return s.drawRedirects(w, r, v, http.StatusOK, redirectsPage(shown))
}

func (s *Server) drawRedirects(w http.ResponseWriter, r *http.Request, v *visit, status int, page ui.RedirectsPage) error {
	seen := s.seen(v, "redirects", r)
	return s.drawConsole(w, status, func(w io.Writer) error { return s.Console.Redirects(w, seen, page) })
}

func redirectsPage(shown wire.Settings) ui.RedirectsPage {
	from := func(name string) string { return shown.Sources[redirectKeys[name]] }
	value := func(name string) any { return within(shown.Settings, redirectKeys[name]) }
	word := func(v any) string { text, _ := v.(string); return text }
	list, _ := value("allowed").([]string)
	return ui.RedirectsPage{Version: shown.Version, Logout: word(value("logout")), Default: word(value("default")), Allowed: strings.Join(list, "\n"),
		FromLogout: from("logout"), FromDefault: from("default"), FromAllowed: from("allowed")}
}

// within is a value in sections, by its path.
func within(sections map[string]any, path string) any {
	var v any = sections
	for name := range strings.SplitSeq(path, ".") {
		section, _ := v.(map[string]any)
		v = section[name]
	}
	return v
}

// consoleChangeRedirects saves what the form says and the page did not show before. What somebody else has changed since
// the page was shown is not written over unseen.
func (s *Server) consoleChangeRedirects(w http.ResponseWriter, r *http.Request, v *visit, form map[string]any) error {
	shown, err := s.Settings.Show(r.Context())
	if err != nil {
		return err
	}
	now := redirectsPage(shown)
	version, err := strconv.ParseInt(text(form, "version", ""), 10, 64)
	if err != nil || version < 0 {
		return errIfMatch
	}
	typed := now
	typed.Logout, typed.Default = strings.TrimSpace(text(form, "logout", "")), strings.TrimSpace(text(form, "default", ""))
	typed.Allowed = strings.Join(lines(text(form, "allowed", "")), "\n")
	if version != shown.Version {
		typed.Changed = true
		return s.drawRedirects(w, r, v, http.StatusPreconditionFailed, typed)
	}
	patch := redirectsPatch(now, typed)
	if len(patch) == 0 {
		return s.toConsole(w, r, "redirects?"+s.saying(v, "same", 0))
	}
	changed, err := s.Settings.Change(r.Context(), patch, version)
	f := fault.From(err)
	switch {
	case errors.Is(err, ErrSettingsChanged):
		if shown, err = s.Settings.Show(r.Context()); err != nil {
			return err
		}
		typed.Version, typed.Changed = shown.Version, true
		return s.drawRedirects(w, r, v, http.StatusPreconditionFailed, typed)
	case err != nil && f.Kind == fault.Invalid:
		of(w).fault = err
		typed.Wrong, _ = f.Details["problems"].([]string)
		if len(typed.Wrong) == 0 {
			typed.Wrong = []string{f.Reason}
		}
		return s.drawRedirects(w, r, v, http.StatusBadRequest, typed)
	case err != nil:
		return err
	}
	note(w, "settings_version", changed.Version)
	return s.toConsole(w, r, "redirects?"+s.saying(v, "saved", 0))
}

// lines are those that are not empty.
func lines(text string) (all []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// redirectsPatch is what differs, as a merge patch; what is empty goes by the files again.
func redirectsPatch(now, typed ui.RedirectsPage) map[string]any {
	patch := map[string]any{}
	for name, values := range map[string][2]string{"logout": {now.Logout, typed.Logout}, "default": {now.Default, typed.Default}, "allowed": {now.Allowed, typed.Allowed}} {
		if values[0] == values[1] {
			continue
		}
		var value any
		switch {
		case values[1] == "":
		case name == "allowed":
			value = anys(lines(values[1]))
		default:
			value = values[1]
		}
		put := patch
		names := strings.Split(redirectKeys[name], ".")
		for _, section := range names[:len(names)-1] {
			next, ok := put[section].(map[string]any)
			if !ok {
				next = map[string]any{}
				put[section] = next
			}
			put = next
		}
		put[names[len(names)-1]] = value
	}
	return patch
}

func anys(texts []string) []any {
	all := make([]any, len(texts))
	for i, text := range texts {
		all[i] = text
	}
	return all
}
