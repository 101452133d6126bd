package flow

import (
	"net/url"
	"strconv"
	"strings"
)

// soundPath reports whether a path can be decoded and holds nothing that other readers take for a slash or for an end.
func soundPath(path string) bool {
	decoded, err := url.PathUnescape(path)
	return err == nil && !strings.ContainsAny(decoded, "\\\x00")
}

func decodable(s string) bool {
	_, err := url.PathUnescape(s)
	return err == nil
}

// segments are the decoded parts of a path between its slashes.
func segments(path string) []string {
	all := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i := range all {
		all[i], _ = url.PathUnescape(all[i]) // soundPath has seen that it can be
	}
	return all
}

// withoutDots removes dot segments, encoded ones too, as browsers do: empty segments count, and ".." at the root
// stays there.
func withoutDots(path string) string {
	if path == "" {
		return ""
	}
	parts := strings.Split(path[1:], "/")
	var kept []string
	for i, part := range parts {
		last := i == len(parts)-1
		switch strings.ReplaceAll(strings.ToLower(part), "%2e", ".") {
		case "..":
			kept = kept[:max(len(kept)-1, 0)]
		case ".":
		default:
			kept = append(kept, part)
			continue
		}
		if last {
			kept = append(kept, "")
		}
	}
	return "/" + strings.Join(kept, "/")
}

// encoded writes what may not stand in a path, a query or a fragment as %XX.
func encoded(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if letter(c) || digit(c) || strings.IndexByte("-._~!$&'()*+,;=:@/?%", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteString("%" + strings.ToUpper(strconv.FormatUint(uint64(c)+0x100, 16)[1:]))
	}
	return b.String()
}

func encodedAfterMark(s string) string {
	if s == "" {
		return ""
	}
	return s[:1] + encoded(s[1:])
}
