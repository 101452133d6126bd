package server

import "exeunt/internal/flow"

// publicRoutes is the public API.
func (s *Server) publicRoutes() []route {
	routes := []route{
		{"GET", "/health/alive", s.alive},
		{"GET", "/health/ready", s.ready},
		{"DELETE", "/self-service/logout/api", s.nativeLogout},
		{"GET", "/self-service/login/api", s.begin(flow.Login)},
		{"GET", "/self-service/login/flows", s.fetch(flow.Login)},
		{"POST", "/self-service/login", s.submit(flow.Login)},
		{"GET", "/self-service/registration/api", s.begin(flow.Registration)},
		{"GET", "/self-service/registration/flows", s.fetch(flow.Registration)},
		{"POST", "/self-service/registration", s.submit(flow.Registration)},
		{"GET", "/schemas", s.listSchemas},
		{"GET", "/schemas/{id}", s.schema},
	}
	for _, method := range whoamiMethods {
		routes = append(routes, route{method, "/sessions/whoami", s.whoami})
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
	}
}
