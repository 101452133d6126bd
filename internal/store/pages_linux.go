package store

import "syscall"

// keepPagesSmall has memory taken as it is needed, and not by the large pages that Linux may use: a few sessions would
// take all that millions may.
func keepPagesSmall(all []byte) {
	_ = syscall.Madvise(all, syscall.MADV_NOHUGEPAGE) // where it is not known, pages are small
}
