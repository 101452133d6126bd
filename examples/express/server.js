// Shows who is signed in, and signs them out.
import { Configuration, FrontendApi } from "@ory/client"
import express from "express"

const base = process.env.ORY_SDK_URL ?? "http://127.0.0.1:4433"
const port = process.env.PORT ?? 3000
const self = `http://127.0.0.1:${port}/`
const frontend = new FrontendApi(new Configuration({ basePath: base }))
const app = express()

// 401 means that nobody is signed in. Every other failure goes to Express.
function nobody(error) {
  if (error.response?.status !== 401) throw error
  return {}
}

app.get("/", async (req, res) => {
  const { data: session } = await frontend.toSession({ cookie: req.header("cookie") }).catch(nobody)
  if (!session) {
    return res.redirect(`${base}/self-service/login/browser?return_to=${encodeURIComponent(self)}`)
  }
  res.set("Cache-Control", "no-store")
  res.send(`<!doctype html><title>Express</title>
    <p>Signed in as ${escape(session.identity.traits.email)}</p>
    <p><a href="/logout">Sign out</a></p>`)
})

// The server sends the browser back here after the logout. Whoever is signed out already goes there at once.
app.get("/logout", async (req, res) => {
  const { data: logout } = await frontend
    .createBrowserLogoutFlow({ cookie: req.header("cookie"), returnTo: self })
    .catch(nobody)
  res.set("Cache-Control", "no-store")
  res.redirect(logout ? logout.logout_url : self)
})

function escape(text) {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)
}

app.listen(port, "127.0.0.1", () => console.log(`listening on ${self}`))
