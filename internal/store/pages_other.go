//go:build !linux

package store

func keepPagesSmall([]byte) {}
