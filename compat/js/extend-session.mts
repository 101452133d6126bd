import { Configuration, IdentityApi } from "@ory/client"

const identity = new IdentityApi(
  new Configuration({
    basePath: process.env.ORY_SDK_URL,
    accessToken: process.env.ORY_API_KEY,
  }),
)

export async function extendSession(sessionId: string) {
  return await identity.extendSession({ id: sessionId })
}
