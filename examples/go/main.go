// Shows who is signed in, and signs them out.
package main

import (
	"cmp"
	"fmt"
	"html"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"

	ory "github.com/ory/client-go"
)

var (
	base = cmp.Or(os.Getenv("ORY_SDK_URL"), "http://127.0.0.1:4433")
	host = "127.0.0.1:" + cmp.Or(os.Getenv("PORT"), "3000")
	self = "http://" + host + "/"
	sdk  = ory.NewAPIClient(&ory.Configuration{Servers: ory.ServerConfigurations{{URL: base}}})
)

func page(w http.ResponseWriter, r *http.Request) {
	session, answer, err := sdk.FrontendAPI.ToSession(r.Context()).Cookie(r.Header.Get("Cookie")).Execute()
	if nobody(answer) {
		http.Redirect(w, r, base+"/self-service/login/browser?return_to="+url.QueryEscape(self), http.StatusSeeOther)
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	email, _ := session.Identity.Traits.(map[string]any)["email"].(string)
	w.Header().Set("Cache-Control", "no-store")
	fmt.Fprintf(w, `<!doctype html><title>Go</title><p>Signed in as %s</p><p><a href="/logout">Sign out</a></p>`, html.EscapeString(email))
}

// logout lets the server send the browser back to the page. Whoever is signed out already goes there at once.
func logout(w http.ResponseWriter, r *http.Request) {
	out, answer, err := sdk.FrontendAPI.CreateBrowserLogoutFlow(r.Context()).Cookie(r.Header.Get("Cookie")).ReturnTo(self).Execute()
	switch {
	case nobody(answer):
		http.Redirect(w, r, self, http.StatusSeeOther)
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadGateway)
	default:
		http.Redirect(w, r, out.LogoutUrl, http.StatusSeeOther)
	}
}

func nobody(answer *http.Response) bool {
	return answer != nil && answer.StatusCode == http.StatusUnauthorized
}

func main() {
	http.HandleFunc("GET /{$}", page)
	http.HandleFunc("GET /logout", logout)
	l, err := net.Listen("tcp", host)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", self)
	log.Fatal(http.Serve(l, nil))
}
