// What a back end does that has one address and one key, as with a hosted project.
import assert from "node:assert/strict"
import test from "node:test"
import { Configuration, FrontendApi, IdentityApi } from "@ory/client"
import { extendSession } from "./node_modules/.snippets/extend-session.mjs"

const basePath = process.env.ORY_SDK_URL
const session = process.env.SESSION_ID

test("a client with base path and access token extends a session", async () => {
  assert.equal((await extendSession(session)).status, 204)
})

test("the same client lists, and a person's client needs no key", async () => {
  const admin = new IdentityApi(new Configuration({ basePath, accessToken: process.env.ORY_API_KEY }))
  const { data, headers } = await admin.listSessions({ pageSize: 1 })
  assert.equal(data[0].id, session)
  assert.match(headers.link, /\/admin\/sessions\?/)
  const frontend = new FrontendApi(new Configuration({ basePath }))
  const { data: whoami } = await frontend.toSession({ xSessionToken: process.env.SESSION_TOKEN })
  assert.equal(whoami.id, session)
})

test("without the key, or with another, it is 401", async () => {
  for (const accessToken of [undefined, "ory_pat_" + "x".repeat(32)]) {
    const stranger = new IdentityApi(new Configuration({ basePath, accessToken }))
    await assert.rejects(stranger.extendSession({ id: session }), (error) => error.response.status === 401)
  }
})
