// Shows who is signed in.
import { headers } from "next/headers"
import { redirect } from "next/navigation"
import { base, frontend, nobody, self } from "../ory"

export default async function Page() {
  const cookie = (await headers()).get("cookie") ?? undefined
  const { data: session } = await frontend.toSession({ cookie }).catch(nobody)
  if (!session) {
    redirect(`${base}/self-service/login/browser?return_to=${encodeURIComponent(self)}`)
  }
  // A plain link: <Link> would fetch it ahead of the click.
  return (
    <main>
      <p>{`Signed in as ${session.identity.traits.email}`}</p>
      <p><a href="/logout">Sign out</a></p>
    </main>
  )
}
