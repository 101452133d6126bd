package flow

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

func isScheme(s string) bool {
	return s != "" && letter(s[0]) && ordinary(s, "+-.")
}

// ordinary reports whether s has only letters and digits of ASCII and the given marks.
func ordinary(s, marks string) bool {
	for _, c := range []byte(s) {
		if !letter(c) && !digit(c) && strings.IndexByte(marks, c) < 0 {
			return false
		}
	}
	return true
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func digit(c byte) bool  { return '0' <= c && c <= '9' }

func webScheme(scheme string) bool { return scheme == "http" || scheme == "https" }

// special reports the schemes whose addresses browsers repair: what lacks slashes gets them, what looks like a number
// becomes an IP address.
func special(scheme string) bool {
	return slices.Contains([]string{"http", "https", "ws", "wss", "ftp"}, scheme)
}

// runnable reports the schemes that a browser would execute, or that lead into the browser or the machine itself.
func runnable(scheme string) bool {
	return slices.Contains([]string{"javascript", "data", "vbscript", "file", "blob", "about", "view-source", "filesystem"}, scheme)
}

// splitPort cuts a host with its port in two; the colon stays with the port.
func splitPort(host string) (name, port string) {
	end := strings.LastIndexByte(host, ']') + 1
	name, port = splitBefore(host[end:], ":")
	return host[:end] + name, port
}

// soundHost reports whether a host is a name, an IPv4 address or an IPv6 address in brackets, and its port possible.
func soundHost(host string) bool {
	name, port := splitPort(host)
	if port != "" {
		n, err := strconv.ParseUint(port[1:], 10, 16)
		if err != nil || n == 0 || port[1] == '0' || name == "" {
			return false
		}
	}
	if strings.HasPrefix(name, "[") {
		ip, err := netip.ParseAddr(strings.TrimSuffix(name[1:], "]"))
		return err == nil && strings.HasSuffix(name, "]") && ip.Is6() && !ip.Is4In6() && ip.Zone() == ""
	}
	return ordinary(name, "-._")
}

// soundName reports whether a host is one for browsers: not empty, and not an IPv4 address in disguise.
func soundName(name string) bool {
	labels := strings.Split(strings.TrimSuffix(name, "."), ".")
	if !numeral(labels[len(labels)-1]) {
		return name != ""
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.Is4()
}

// numeral reports what browsers take for a number although it may be no possible one: digits alone, or 0x with or
// without hexadecimal digits.
func numeral(label string) bool {
	hex, found := strings.CutPrefix(strings.ToLower(label), "0x")
	set := "0123456789"
	if found {
		label, set = hex, set+"abcdef"
	}
	return (found || label != "") && strings.Trim(label, set) == ""
}

// canonicalIP writes an IPv6 address the shortest way. Other hosts stay as they are.
func canonicalIP(host string) string {
	name, port := splitPort(host)
	if ip, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil && ip.Is6() {
		return "[" + ip.String() + "]" + port
	}
	return host
}
