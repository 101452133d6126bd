package server

import "exeunt/internal/flow"

// publicRoutes is the public API and the built-in pages. What changes something for a person who is known by a cookie is
// wrapped in own, ownForm or intended; submissions of flows see to it themselves, and the rest looks at no cookie or
// changes nothing.
func (s *Server) publicRoutes() []route {
	routes := []route{
		{"GET", "/health/alive", s.alive},
		{"GET", "/health/ready", s.ready},

		{"GET", "/self-service/logout/browser", s.arriving(s.browse(isAJAX, s.beginLogout))},
		{"GET", "/self-service/logout", s.intended(s.arriving(s.browse(isAJAX, s.logout)))},
		{"POST", "/self-service/logout", s.ownForm(s.browse(isAJAX, s.logout))},
		{"HEAD", "/self-service/logout", nil}, // scanners follow links with it; it asks for nothing, and ends nothing
		{"DELETE", "/self-service/logout/api", s.nativeLogout},

		{"GET", "/self-service/login/api", s.begin(flow.Login)},
		{"GET", "/self-service/login/browser", s.arriving(s.browse(wantsJSON, s.beginInBrowser(flow.Login)))},
		{"GET", "/self-service/login/flows", s.fetch(flow.Login)},
		{"POST", "/self-service/login", s.submit(flow.Login)},
		{"GET", "/self-service/registration/api", s.begin(flow.Registration)},
		{"GET", "/self-service/registration/browser", s.arriving(s.browse(wantsJSON, s.beginInBrowser(flow.Registration)))},
		{"GET", "/self-service/registration/flows", s.fetch(flow.Registration)},
		{"POST", "/self-service/registration", s.submit(flow.Registration)},
		{"GET", "/self-service/settings/api", s.begin(flow.Settings)},
		{"GET", "/self-service/settings/browser", s.arriving(s.browse(wantsJSON, s.beginInBrowser(flow.Settings)))},
		{"GET", "/self-service/settings/flows", s.fetch(flow.Settings)},
		{"POST", "/self-service/settings", s.submit(flow.Settings)},
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
	return routes
}

// adminRoutes is the admin API. Every path also answers without its /admin.
func (s *Server) adminRoutes() []route {
	return []route{
		{"GET", "/admin/health/alive", s.alive},
		{"GET", "/admin/health/ready", s.ready},
		{"GET", "/admin/version", s.version},
		{"GET", "/admin/metrics/prometheus", s.metrics},

		{"GET", "/admin/sessions", s.listSessions},
		{"POST", "/admin/sessions", s.bulkSessions},
		{"GET", "/admin/sessions/whoami", s.adminFallback},
		{"GET", "/admin/sessions/{id}", s.session},
		{"DELETE", "/admin/sessions/{id}", s.disableSession},
		{"PATCH", "/admin/sessions/{id}/extend", s.extendSession},

		{"GET", "/admin/identities", s.listIdentities},
		{"POST", "/admin/identities", s.createIdentity},
		{"PATCH", "/admin/identities", s.batchIdentities},
		{"GET", "/admin/identities/{id}", s.identity},
		{"PUT", "/admin/identities/{id}", s.updateIdentity},
		{"PATCH", "/admin/identities/{id}", s.patchIdentity},
		{"DELETE", "/admin/identities/{id}", s.deleteIdentity},
		{"GET", "/admin/identities/by/external/{id}", s.identityByExternalID},
		{"DELETE", "/admin/identities/{id}/credentials/{type}", s.deleteCredential},
		{"GET", "/admin/identities/{id}/sessions", s.identitySessions},
		{"DELETE", "/admin/identities/{id}/sessions", s.deleteIdentitySessions},

		{"GET", "/admin/events", s.events},
		{"GET", "/admin/hooks/deliveries", s.deliveries},
		{"POST", "/admin/hooks/deliveries/{id}/retry", s.retryDelivery},
	}
}
