// Package password is the method of passwords: how they are hashed, which stored hashes are understood, and which
// passwords are good enough.
//
// A [Hasher] makes and verifies hashes and keeps the work within a bound. [CheckImported] judges a hash that somebody
// brings from another system. A [Policy] judges a new password.
package password
