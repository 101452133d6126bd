// Signs in and out without leaving the page. The server has to know its origin: serve.public.cors.allowed_origins; or both
// are behind `exeunt tunnel`, and ORY_SDK_URL is the tunnel.
import { Configuration, FrontendApi } from "@ory/client"

const frontend = new FrontendApi(
  new Configuration({ basePath: ORY_SDK_URL, baseOptions: { withCredentials: true } }),
)
const [who, login, logout, message] = ["who", "login", "logout", "message"].map((id) => document.getElementById(id))

// The status of a refusal; what is no answer of the server stays a failure.
function refusal(error) {
  if (!error.response) throw error
  return error.response
}

async function show() {
  const { status, data } = await frontend.toSession().catch(refusal)
  const signedIn = status === 200
  who.textContent = signedIn ? `Signed in as ${data.identity.traits.email}` : "Nobody is signed in"
  login.hidden = signedIn
  logout.hidden = !signedIn
}

login.addEventListener("submit", async (event) => {
  event.preventDefault()
  const { identifier, password } = Object.fromEntries(new FormData(login))
  const { data: flow } = await frontend.createBrowserLoginFlow()
  const { value: csrf_token } = flow.ui.nodes.find((node) => node.attributes.name === "csrf_token").attributes
  const { status, data } = await frontend
    .updateLoginFlow({ flow: flow.id, updateLoginFlowBody: { method: "password", identifier, password, csrf_token } })
    .catch(refusal)
  message.textContent = status === 200 ? "" : (data.ui?.messages?.[0].text ?? data.error.reason)
  login.reset()
  await show()
})

logout.addEventListener("click", async () => {
  const { status, data } = await frontend.createBrowserLogoutFlow().catch(refusal)
  if (status === 200) {
    const done = await frontend.updateLogoutFlow({ token: data.logout_token }).catch(refusal)
    message.textContent = `The logout answered ${done.status}`
  } else {
    message.textContent = `There was nothing to log out of: ${status}`
  }
  await show()
})

show()
