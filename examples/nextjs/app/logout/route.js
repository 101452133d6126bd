// Signs out. The server sends the browser back to the page; whoever is signed out already goes there at once.
import { redirect } from "next/navigation"
import { frontend, nobody, self } from "../../ory"

export async function GET(request) {
  const cookie = request.headers.get("cookie") ?? undefined
  const { data: logout } = await frontend.createBrowserLogoutFlow({ cookie, returnTo: self }).catch(nobody)
  redirect(logout ? logout.logout_url : self)
}
