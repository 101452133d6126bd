package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"exeunt/internal/fault"
)

type sample struct {
	Name  string          `json:"name"`
	Count int             `json:"count"`
	List  []string        `json:"list"`
	Inner *sample         `json:"inner"`
	Raw   json.RawMessage `json:"raw"`
}

func TestDecode(t *testing.T) {
	deep := func(n int) string { return strings.Repeat(`{"inner":`, n) + "null" + strings.Repeat("}", n) }
	for body, id := range map[string]string{
		`{}`: "", ` {"name":"x"} `: "", `{"name":"\u00e4","count":7,"list":["a"],"raw":{"a":[1,{}]}}`: "", `null`: "", deep(MaxDepth): "",
		``: badJSON, ` `: badJSON, `{`: badJSON, `{"name":"x"`: badJSON, `{"name":"x"}}`: badJSON, `{}{}`: badJSON, `{} x`: badJSON, `{"name":"x",}`: badJSON,
		`{"name":"x","name":"y"}`: badJSON, `{"name":"x","NAME":"y"}`: badJSON, `{"raw":{"a":1,"a":2}}`: badJSON, `{"raw":{"a":1,"A":2}}`: "", `{"name":"\u0000"}`: badJSON,
		"{\"name\":\"\xff\"}": badJSON, deep(MaxDepth + 2): badJSON, strings.Repeat("[", 1<<20): badJSON, `{"name":tru}`: badJSON, `[`: badJSON, `"`: badJSON,
		`{"name":"\ud83d\ude00"}`: "", `{"name":"\uD83D\uDE00\ud83d\ude00"}`: "", `{"name":"\\ud800"}`: "", `{"name":"\\\\ud800"}`: "", `{"name":"\ud7ff\ue000"}`: "",
		`{"name":"\ud800x"}`: badJSON, `{"name":"\udc00"}`: badJSON, `{"name":"\ude00\ud83d"}`: badJSON, `{"name":"\ud83d\ud83d\ude00"}`: badJSON, `{"name":"\ud83d\n\ude00"}`: badJSON,
		`{"name":"\\\ud800"}`: badJSON, `{"\udbff":1}`: badJSON, `{"raw":["\uDFFF"]}`: badJSON, `{"name":"\ud83d\`: badJSON, `{"name":"\ud83d\u`: badJSON, `{"name":"\u12`: badJSON, `{"name":"\ud83d\\ude00"}`: badJSON,
		`[]`: badType, `"x"`: badType, `7`: badType, `{"name":7}`: badType, `{"count":"x"}`: badType, `{"count":1.5}`: badType, `{"list":{}}`: badType, `{"inner":[]}`: badType, `{"count":1e99}`: badType,
		`{"other":1}`: badField,
	} {
		err := Decode([]byte(body), &sample{}, true)
		if f := fault.From(err); (err == nil) != (id == "") || err != nil && (f.ID != id || f.Kind != fault.Invalid) {
			t.Errorf("%.60q: %v, want %q", body, err, id)
		}
		if Decode([]byte(`{"other":1}`), &sample{}, false) != nil {
			t.Error("an unknown key is refused though it may be there")
		}
	}
}

func TestDecodeSaysWhatIsWrong(t *testing.T) {
	for body, want := range map[string]string{
		`{"count":"x"}`: "The value of count has the wrong type: it is a string, but has to be a number.", `{"list":true}`: "The value of list has the wrong type: it is a boolean, but has to be an array.",
		`[]`: "The request body has the wrong type: it is an array, but has to be an object.", `{"inner":{"name":{}}}`: "The value of inner.name has the wrong type: it is an object, but has to be a string.",
		`{"x":1}`: `The request body has an unknown key "x".`, `{"name":1,"name":2}`: `The key "name" occurs twice in the same object of the request body.`,
		`{"name":`: "The request body ends in the middle of the JSON document, at byte 8.",
	} {
		if got := fault.From(Decode([]byte(body), &sample{}, true)).Reason; got != want {
			t.Errorf("%s: %s", body, got)
		}
	}
	long := fault.From(Decode([]byte(`{"`+strings.Repeat("k", 9000)+`":1}`), &sample{}, true)).Reason
	if len(long) > 200 {
		t.Errorf("a reason of %d bytes", len(long))
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{}`, `{"name":"x","count":1,"list":["a"],"inner":{"name":"\ud83d\ude00"},"raw":[1,null,true,1e5]}`, `{"a":1,"a":2}`, `{"name":"\u0000"}`, `[[[[`, `{"a":`, `{}{}`,
		"{\"\xff\":1}", `null`, `{"raw":1e999999999}`, `{"name":"\ud800"}`, `{"a":[}`, `{"a" 1}`, strings.Repeat(`{"inner":`, 40)} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, body []byte, known bool) {
		err := Decode(body, &sample{}, known)
		if err == nil {
			var anything any
			if json.Unmarshal(body, &anything) == nil && strings.ContainsRune(fmt.Sprint(anything), utf8.RuneError) && !strings.ContainsRune(string(body), utf8.RuneError) && !strings.Contains(strings.ToLower(string(body)), `\ufffd`) {
				t.Errorf("a part of %q is lost", body)
			}
			if !json.Valid(body) || !utf8.Valid(body) || strings.Contains(string(body), `\u0000`) && !strings.Contains(string(body), `\\u0000`) {
				t.Errorf("%q is accepted", body)
			}
			return
		}
		seen := fault.From(err)
		if seen.Kind != fault.Invalid || seen.ID == "" || seen.Reason == "" || strings.Contains(seen.Reason, "wire.") || len(seen.Reason) > 1000 {
			t.Errorf("%q: %v", body, err)
		}
	})
}

func TestLink(t *testing.T) {
	l := Link{Path: "/admin/things", Query: map[string][]string{"b": {"2", "<>\n"}, "page_token": {"old"}}}
	l.Add("first", map[string]string{"page_token": "", "page_size": "3"})
	l.Add("next", map[string]string{"page_token": "n w", "page_size": "3"})
	want := `</admin/things?b=2&b=%3C%3E%0A&page_size=3>; rel="first",</admin/things?b=2&b=%3C%3E%0A&page_size=3&page_token=n+w>; rel="next"`
	if l.String() != want {
		t.Errorf("got  %s\nwant %s", l.String(), want)
	}
	if len(l.Query["page_token"]) != 1 || l.Query["page_token"][0] != "old" {
		t.Error("the query of the request was changed")
	}
}

func TestEnvelope(t *testing.T) {
	e := fault.New(fault.Gone, "gone_id", "It is <gone> & over.").With("use_flow_id", "x").WithDetail("api", "y")
	want := `{"error":{"id":"gone_id","code":410,"status":"Gone","request":"r-1","reason":"It is \u003cgone\u003e \u0026 over.","details":{"api":"y"},` +
		`"message":"The requested resource is no longer available because it has expired or is otherwise invalid."},"use_flow_id":"x"}` + "\n"
	if got := string(Envelope(e, "r-1")); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
	if got := string(Envelope(e.With("bad", func() {}), "")); !strings.Contains(got, `"gone_id"`) {
		t.Errorf("a value that cannot be encoded hides the failure: %s", got)
	}
	if got := string(Envelope(fault.From(errors.New("dial tcp 10.0.0.1: refused")), "")); strings.Contains(got, "dial") {
		t.Errorf("a cause is told: %s", got)
	}
}
