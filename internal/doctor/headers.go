package doctor

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"regexp"
	"strings"
)

// Request is the headers of somebody's request.
type Request struct{ header http.Header }

var (
	errLongRequest = errors.New("the request is longer than 1 MiB")
	errNoHeader    = errors.New("there is no header in it; paste lines such as Cookie: …, as a browser's developer tools or curl -v show them")
)

const maxRequest = 1 << 20

// curlOption finds headers in a command, as browsers copy requests.
var curlOption = regexp.MustCompile(`(?:^|\s)(-H|--header|-b|--cookie)\s+(?:\$?'([^']*)'|"([^"]*)")`)

// ReadRequest reads headers as people copy them: raw, from curl -v, from a browser's developer tools with a line for each
// name and value or as a curl command. Lines that are no headers are passed over. Errors show nothing of it.
func ReadRequest(in io.Reader) (*Request, error) {
	text, err := io.ReadAll(io.LimitReader(in, maxRequest+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxRequest {
		return nil, errLongRequest
	}
	r := &Request{http.Header{}}
	if options := curlOption.FindAllSubmatch(text, -1); strings.Contains(string(text), "curl ") && len(options) > 0 {
		for _, o := range options {
			line := string(o[2]) + string(o[3])
			if strings.HasPrefix(string(o[1]), "-b") || string(o[1]) == "--cookie" {
				line = "Cookie: " + line
			}
			r.line(line)
		}
	} else {
		r.lines(string(text))
	}
	if len(r.header) == 0 {
		return nil, errNoHeader
	}
	return r, nil
}

func (r *Request) lines(text string) {
	waiting := "" // a name whose value is in the next line, as some browsers copy
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, maxRequest+1)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "<") { // an answer, of curl -v
			continue
		}
		line = strings.TrimSpace(strings.TrimPrefix(line, ">"))
		if waiting != "" && line != "" {
			r.line(waiting + line)
			waiting = ""
			continue
		}
		if name, ok := strings.CutSuffix(line, ":"); ok && token(name) {
			waiting = line
			continue
		}
		r.line(line)
	}
}

func (r *Request) line(line string) {
	line = strings.TrimPrefix(line, ":") // of a pseudo header of HTTP/2
	name, value, ok := strings.Cut(line, ":")
	if !ok || !token(name) {
		return
	}
	if strings.EqualFold(name, "authority") {
		name = "Host"
	}
	r.header.Add(textproto.CanonicalMIMEHeaderKey(name), strings.TrimSpace(value))
}

// token reports whether a text is a name of a header (RFC 9110, section 5.6.2).
func token(name string) bool {
	return name != "" && strings.Trim(name, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// cookie is one that the request carries.
type cookie struct{ name, value string }

func (r *Request) cookies() (all []cookie) {
	for _, line := range r.header["Cookie"] {
		for part := range strings.SplitSeq(line, ";") {
			name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
			if ok {
				all = append(all, cookie{strings.TrimSpace(name), strings.Trim(strings.TrimSpace(value), `"`)})
			}
		}
	}
	return all
}
