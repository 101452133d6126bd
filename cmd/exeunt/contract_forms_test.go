package main

import (
	"testing"
)

func TestContractWhatASubmissionLeavesBehind(t *testing.T) {
	contract(t, "", []row{
		{"flows 3: settings that fail after they succeeded show the form", func(t *testing.T, in *instance) {
			p := in.person()
			f := in.begin("settings", "", as(p.token)...)
			saved := object{"method": "profile", "traits": object{"email": p.email, "name": object{"first": "Ada"}}}
			for _, wrong := range []any{object{"method": "profile", "traits": object{}}, object{"method": "password", "password": "short"}, object{"method": "nope"}, "not JSON"} {
				in.settle(f, &p.token, saved).expect(t, 200).is(t, "state", "success")
				in.call("POST", in.act(f), wrong, as(p.token)...).expect(t, 400).is(t, "state", "show_form")
				in.call("GET", in.public+"/self-service/settings/flows?id="+f.text(t, "id"), nil, as(p.token)...).expect(t, 200).is(t, "state", "show_form")
			}
			in.settle(f, &p.token, saved).expect(t, 200).is(t, "state", "success")
		}},
	})
}
