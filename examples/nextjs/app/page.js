// Shows who is signed in.
import { cookies } from "next/headers"
import { redirect } from "next/navigation"
import { base, frontend, nobody, self } from "../ory"

export default async function Page() {
  const held = (await cookies()).get("ory_kratos_session")
  const cookie = held && `${held.name}=${held.value}`
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
