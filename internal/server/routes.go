package server

import (
	"exeunt/internal/admin"
	"exeunt/internal/flow"
)

// publicRoutes is the public API and the built-in pages. What changes something for a person who is known by a cookie is
// wrapped in own, ownForm or intended; submissions of flows see to it themselves, and the rest looks at no cookie or
// changes nothing. The admin API is there for whoever has a key.
func (s *Server) publicRoutes() []route {
	routes := []route{
		{"GET", "/health/alive", s.alive},
		{"GET", "/health/ready", s.ready},

		{"GET", "/self-service/logout/browser", s.arriving(s.browse(isAJAX, s.beginLogout))},
		{"GET", "/self-service/logout", s.intended(s.arriving(s.browse(isAJAX, s.logout)))},
		{"POST", "/self-service/logout", s.ownForm(s.browse(isAJAX, s.logout))},
		{"HEAD", "/self-service/logout", nil}, // scanners follow links with it; it asks for nothing, and ends nothing
		{"DELETE", "/self-service/logout/api", s.nativeLogout},

		{"GET", "/self-service/login/api", s.inTurn(s.begin(flow.Login))},
		{"GET", "/self-service/login/browser", s.inTurn(s.arriving(s.browse(wantsJSON, s.beginInBrowser(flow.Login))))},
		{"GET", "/self-service/login/flows", s.inTurn(s.fetch(flow.Login))},
		{"POST", "/self-service/login", s.inTurn(s.submit(flow.Login))},
		{"GET", "/self-service/registration/api", s.inTurn(s.begin(flow.Registration))},
		{"GET", "/self-service/registration/browser", s.inTurn(s.arriving(s.browse(wantsJSON, s.beginInBrowser(flow.Registration))))},
		{"GET", "/self-service/registration/flows", s.inTurn(s.fetch(flow.Registration))},
		{"POST", "/self-service/registration", s.inTurn(s.submit(flow.Registration))},
		{"GET", "/self-service/settings/api", s.inTurn(s.begin(flow.Settings))},
		{"GET", "/self-service/settings/browser", s.inTurn(s.arriving(s.browse(wantsJSON, s.beginInBrowser(flow.Settings))))},
		{"GET", "/self-service/settings/flows", s.inTurn(s.fetch(flow.Settings))},
		{"POST", "/self-service/settings", s.inTurn(s.submit(flow.Settings))},
		{"GET", "/self-service/settings", s.intended(s.arriving(s.browse(wantsJSON, s.resumeSettings)))},
		{"HEAD", "/self-service/settings", nil}, // as for logout
		{"GET", "/.well-known/change-password", s.changePassword},
		{"GET", "/self-service/errors", s.selfServiceError},

		{"GET", "/sessions/token-exchange", s.tokenExchange},
		{"HEAD", "/sessions/token-exchange", nil}, // the codes would be used, and nobody have the token
		{"GET", "/sessions", s.ownSessions},
		{"DELETE", "/sessions", s.own(s.revokeOthers)},
		{"DELETE", "/sessions/{id}", s.own(s.revokeOther)},

		{"GET", "/schemas", s.listSchemas},
		{"GET", "/schemas/{id}", s.schema},
		{"GET", "/.well-known/jwks.json", s.keySet},

		{"GET", "/{$}", s.toHome},
		{"GET", "/ui/{$}", s.arriving(s.personal(s.homePage))},
		{"POST", "/ui/{$}", s.own(s.personal(s.signOutOthers))},
		{"GET", "/ui/sessions", s.arriving(s.personal(s.sessionsPage))},
		{"POST", "/ui/sessions", s.own(s.personal(s.endSessions))},
		{"GET", "/ui/login", s.arriving(s.flowPage(flow.Login))},
		{"GET", "/ui/registration", s.arriving(s.flowPage(flow.Registration))},
		{"GET", "/ui/settings", s.arriving(s.flowPage(flow.Settings))},
		{"GET", "/ui/logout", s.arriving(s.logoutPage)},
		{"GET", "/ui/signed-out", s.arriving(s.signedOutPage)},
		{"GET", "/ui/error", s.errorUI},
		{"GET", "/ui/assets/{name}", s.asset},
	}
	for _, method := range whoamiMethods {
		routes = append(routes, route{method, "/sessions/whoami", s.whoami})
	}
	for i, r := range routes {
		if r.handle != nil {
			routes[i].handle = s.guessing(r.handle)
		}
	}
	for _, e := range s.adminEndpoints() {
		routes = append(routes, route{e.method, e.path, s.admittedPublicly(e.need, e.handle)})
	}
	return routes
}

// adminRoute is an endpoint of the admin API, with what a key has to allow.
type adminRoute struct {
	method, path string
	need         admin.Scope
	handle       handle
}

// adminEndpoints are all that ask for a key, once there is one.
func (s *Server) adminEndpoints() []adminRoute {
	return []adminRoute{
		{"GET", "/admin/sessions", admin.SessionsRead, s.listSessions},
		{"POST", "/admin/sessions", admin.SessionsWrite, s.bulkSessions},
		{"POST", "/admin/sessions/lookup", admin.SessionsRead, s.lookUpSession},
		{"GET", "/admin/sessions/{id}", admin.SessionsRead, s.session},
		{"DELETE", "/admin/sessions/{id}", admin.SessionsWrite, s.disableSession},
		{"PATCH", "/admin/sessions/{id}/extend", admin.SessionsWrite, s.extendSession},
		{"GET", "/admin/identities/{id}/sessions", admin.SessionsRead, s.identitySessions},
		{"DELETE", "/admin/identities/{id}/sessions", admin.SessionsWrite, s.deleteIdentitySessions},

		{"GET", "/admin/identities", admin.IdentitiesRead, s.listIdentities},
		{"POST", "/admin/identities", admin.IdentitiesWrite, s.createIdentity},
		{"PATCH", "/admin/identities", admin.IdentitiesWrite, s.batchIdentities},
		{"GET", "/admin/identities/{id}", admin.IdentitiesRead, s.identity},
		{"PUT", "/admin/identities/{id}", admin.IdentitiesWrite, s.updateIdentity},
		{"PATCH", "/admin/identities/{id}", admin.IdentitiesWrite, s.patchIdentity},
		{"DELETE", "/admin/identities/{id}", admin.IdentitiesWrite, s.deleteIdentity},
		{"GET", "/admin/identities/by/external/{id}", admin.IdentitiesRead, s.identityByExternalID},
		{"DELETE", "/admin/identities/{id}/credentials/{type}", admin.IdentitiesWrite, s.deleteCredential},

		{"GET", "/admin/events", admin.SessionsRead, s.events},
		{"GET", "/admin/hooks/deliveries", admin.SessionsRead, s.deliveries},
		{"POST", "/admin/hooks/deliveries/{id}/retry", admin.SessionsWrite, s.retryDelivery},

		{"GET", "/admin/settings", admin.Settings, s.settings},
		{"PATCH", "/admin/settings", admin.Settings, s.changeSettings},

		{"GET", "/admin/keys", admin.All, s.listKeys},
		{"POST", "/admin/keys", admin.All, s.createKey},
		{"DELETE", "/admin/keys/{id}", admin.All, s.revokeKey},
	}
}

// adminRoutes is the admin API on its own listener. Every path also answers without its /admin.
func (s *Server) adminRoutes() []route {
	routes := []route{
		{"GET", "/admin/health/alive", s.keyless(s.alive)},
		{"GET", "/admin/health/ready", s.keyless(s.ready)},
		{"GET", "/admin/version", s.keyless(s.version)},
		{"GET", "/admin/metrics/prometheus", s.keyless(s.metrics)},

		{"GET", "/admin/debug/pprof/{name}", s.profiled(s.profile)},

		{"GET", "/admin/sessions/whoami", s.adminFallback},
		{"DELETE", "/admin/sessions/whoami", s.admitted(admin.SessionsWrite, s.disableSession)}, // which is no UUID
	}
	for _, e := range s.adminEndpoints() {
		routes = append(routes, route{e.method, e.path, s.admitted(e.need, e.handle)})
	}
	return append(routes, s.consoleRoutes()...)
}
