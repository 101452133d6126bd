// Package crash holds a test that kills the real server at random moments and looks for sign-outs that were undone and
// sign-ins that were lost. The long version is `make test-crash`.
package crash
