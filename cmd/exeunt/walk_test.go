package main

import "testing"

func TestAPersonSignsInIsRecognisedAndSignsOutForGood(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		in.register("ada@example.org")
		token, id := in.login("ada@example.org")
		in.whoami(token).expect(t, 200)
		in.call("PATCH", in.admin+"/admin/sessions/"+id+"/extend", nil).expect(t, 204)
		in.logout(token).expect(t, 204)
		in.whoami(token).expect(t, 401)
		in.logout(token).expect(t, 204)
		in.call("PATCH", in.admin+"/admin/sessions/"+id+"/extend", nil).expect(t, 404)
	})
}
