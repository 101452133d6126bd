// Drives a running server with the official JavaScript SDK, as a native client and as an administrator.
import assert from "node:assert/strict"
import test from "node:test"
import { Configuration, FrontendApi, IdentityApi } from "@ory/client"

const frontend = new FrontendApi(new Configuration({ basePath: process.env.EXEUNT_PUBLIC }))
const admin = new IdentityApi(new Configuration({ basePath: process.env.EXEUNT_ADMIN }))

const person = { identifier: "grace@example.org", password: "seven quiet herons" }

async function refused(promise) {
  try {
    await promise
  } catch (error) {
    assert.ok(error.response, String(error))
    return error.response
  }
  assert.fail("the request was expected to be refused")
}

async function signIn(password) {
  const { data: flow } = await frontend.createNativeLoginFlow()
  const { data } = await frontend.updateLoginFlow({
    flow: flow.id,
    updateLoginFlowBody: { method: "password", identifier: person.identifier, password },
  })
  return data
}

test("register, sign in, whoami, list, extend, sign out", async () => {
  const { data: flow } = await frontend.createNativeRegistrationFlow()
  const { data: registered } = await frontend.updateRegistrationFlow({
    flow: flow.id,
    updateRegistrationFlowBody: { method: "password", password: person.password, traits: { email: person.identifier } },
  })
  assert.match(registered.session_token, /^ory_st_/)

  const wrong = await refused(signIn("something else"))
  assert.equal(wrong.status, 400)
  assert.equal(wrong.data.ui.messages[0].id, 4000006)

  const { session_token: token, session } = await signIn(person.password)
  const { data: current } = await frontend.toSession({ xSessionToken: token })
  assert.equal(current.id, session.id)
  assert.equal(current.active, true)
  assert.equal(current.identity.traits.email, person.identifier)

  const { data: listed } = await admin.listIdentitySessions({ id: current.identity.id, active: true })
  assert.ok(listed.some((s) => s.id === session.id))
  const { data: page, headers } = await admin.listSessions({ pageSize: 1 })
  assert.equal(page.length, 1)
  assert.match(headers.link, /rel="next"/)

  assert.equal((await admin.extendSession({ id: session.id })).status, 204)

  const body = { performNativeLogoutBody: { session_token: token } }
  assert.equal((await frontend.performNativeLogout(body)).status, 204)
  assert.equal((await refused(frontend.toSession({ xSessionToken: token }))).status, 401)
  assert.equal((await frontend.performNativeLogout(body)).status, 204)
  assert.equal((await refused(admin.extendSession({ id: session.id }))).status, 404)
})

test("an administrator ends a session and disables a person", async () => {
  const { session_token: token, session } = await signIn(person.password)
  assert.equal((await admin.disableSession({ id: session.id })).status, 204)
  assert.equal((await refused(frontend.toSession({ xSessionToken: token }))).status, 401)

  const again = await signIn(person.password)
  const { data: patched } = await admin.patchIdentity({
    id: again.session.identity.id,
    jsonPatch: [{ op: "replace", path: "/state", value: "inactive" }],
  })
  assert.equal(patched.state, "inactive")
  assert.equal((await refused(frontend.toSession({ xSessionToken: again.session_token }))).status, 401)
  const shut = await refused(signIn(person.password))
  assert.equal(shut.data.ui.messages[0].id, 4010011)
})
