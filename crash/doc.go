// Package crash holds a test that kills the real server at random moments, and its web hooks with it, and looks for ends of
// sessions that no hook has heard of.
package crash
