import { Configuration, FrontendApi } from "@ory/client"

export const base = process.env.ORY_SDK_URL ?? "http://127.0.0.1:4433"
export const self = `http://127.0.0.1:${process.env.PORT ?? 3000}/`
export const frontend = new FrontendApi(new Configuration({ basePath: base }))

// 401 means that nobody is signed in. Every other failure goes to Next.js.
export function nobody(error) {
  if (error.response?.status !== 401) throw error
  return {}
}
