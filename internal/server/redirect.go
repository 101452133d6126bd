package server

import (
	"net/http"

	"exeunt/internal/flow"
)

// redirect sends a browser to a place that is configured or allow-listed; nothing else can be one.
func redirect(w http.ResponseWriter, r *http.Request, to flow.Return) {
	redirectAs(w, r, http.StatusSeeOther, to)
}

// redirectAs is redirect with another status, where clients have come to know one.
func redirectAs(w http.ResponseWriter, r *http.Request, status int, to flow.Return) {
	http.Redirect(w, r, to.String(), status)
}

// Places are the configured addresses that browsers are sent to.
type Places struct {
	Flows          map[flow.Kind]flow.Return // the pages with the forms
	Begin          map[flow.Kind]flow.Return // begin a flow in a browser
	SecondFactor   flow.Return               // begins the step-up of a session
	Settings       flow.Return               // resumes settings after authenticating again
	ChangePassword flow.Return
	Home           flow.Return // the built-in page of who is signed in
	Sessions       flow.Return // the built-in page of where
	Logout         flow.Return // asks before signing out; zero where the error page stands in for it
	AfterLogout    flow.Return
	Error          flow.Return
}
