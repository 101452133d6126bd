// What an app on a phone or a command line tool does: signs in, is recognised, signs out, is nobody.
import { Configuration, FrontendApi } from "@ory/client"

const base = process.env.ORY_SDK_URL ?? "http://127.0.0.1:4433"
const frontend = new FrontendApi(new Configuration({ basePath: base }))
const [identifier, password] = process.argv.slice(2)
if (!password) {
  console.error("usage: node native.js E-MAIL PASSWORD")
  process.exit(2)
}

// A refusal is an answer too.
function refusal(error) {
  if (!error.response) throw error
  return error.response
}

async function whoami(token) {
  const { status, data } = await frontend.toSession({ xSessionToken: token }).catch(refusal)
  console.log(`whoami: ${status}`, status === 200 ? data.identity.traits.email : data.error.id)
}

async function signOut(token) {
  const { status } = await frontend.performNativeLogout({ performNativeLogoutBody: { session_token: token } })
  console.log(`logout: ${status}`)
}

const { data: flow } = await frontend.createNativeLoginFlow()
const { status, data } = await frontend
  .updateLoginFlow({ flow: flow.id, updateLoginFlowBody: { method: "password", identifier, password } })
  .catch(refusal)
if (status !== 200) {
  console.error(`login: ${status}`, data.ui?.messages?.[0].text ?? data.error.reason)
  process.exit(1)
}
console.log(`login: ${status}`)
const token = data.session_token // a real app keeps it in the keychain
await whoami(token)
await signOut(token)
await whoami(token)
await signOut(token) // a second time is no failure
