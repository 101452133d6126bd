// Bundles app.js and serves the page. Any other bundler and web server will do.
import * as esbuild from "esbuild"

const base = process.env.ORY_SDK_URL ?? "http://127.0.0.1:4433"
const bundle = await esbuild.context({
  entryPoints: ["app.js"],
  bundle: true,
  outdir: "public",
  write: false,
  define: { ORY_SDK_URL: JSON.stringify(base) },
})
const { port } = await bundle.serve({ servedir: "public", host: "127.0.0.1", port: Number(process.env.PORT ?? 3000) })
console.log(`listening on http://127.0.0.1:${port}/`)
