// Package test runs the examples as their README says, against the real server. It is a module of its own, so that the
// browser it drives is no dependency of the server.
package test
