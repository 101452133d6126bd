package server

import (
	"net/http"

	"github.com/rs/cors"
)

// CORS says which other origins may read answers (Fetch Standard, section 3.2). Without it none may.
type CORS struct {
	Enabled        bool
	AllowedOrigins []string // scheme://host[:port], the host's first label may be *
	AllowedMethods []string
	AllowedHeaders []string
	ExposedHeaders []string
	Credentials    bool
	MaxAge         int // seconds
}

// crossOrigin answers preflights and marks all answers, failures too, for the origins that may read them.
func (s *Server) crossOrigin(h http.Handler) http.Handler {
	if !s.CORS.Enabled {
		return h
	}
	s.cors = cors.New(cors.Options{
		AllowedOrigins: s.CORS.AllowedOrigins, AllowedMethods: s.CORS.AllowedMethods, AllowedHeaders: s.CORS.AllowedHeaders,
		ExposedHeaders: s.CORS.ExposedHeaders, AllowCredentials: s.CORS.Credentials, MaxAge: s.CORS.MaxAge,
		OptionsSuccessStatus: http.StatusNoContent,
	})
	return s.cors.Handler(h)
}
