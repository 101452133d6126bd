// Package compat drives the server with the official SDKs, unmodified. It is a module of its own, so that the SDKs are no
// dependency of the server.
package compat
