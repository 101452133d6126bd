// Package browser drives the server with a real browser, behind a real proxy. It is a module of its own, so that what it
// needs is no dependency of the server.
package browser
