// Reads addresses as a browser would. Each line in holds, in Base64, an address, the page it is a link on, and what we
// made of it; each line out is JSON with the parts of both addresses, or null for one that cannot be read.
import { createInterface } from "node:readline";

const plain = /[A-Za-z0-9\-._~!$&'()*+,;=:@/?%]/;

// The same text may be written with more or fewer escapes. All that need not stand as it is gets one.
const escaped = (text) =>
	Array.from(Buffer.from(text), (byte) => {
		const c = String.fromCharCode(byte);
		return byte < 0x80 && plain.test(c) ? c : "%" + byte.toString(16).toUpperCase().padStart(2, "0");
	}).join("");

// Node 20 leaves the dot segments of a path such as /.a/../b, which the standard and browsers remove. It does not when
// an escape goes before.
function path({ pathname }) {
	return /\/\.\.?(\/|$)/.test(pathname) ? new URL("https://h/%20/.." + pathname).pathname : pathname;
}

function parts(...args) {
	try {
		const u = new URL(...args);
		return {
			scheme: u.protocol, user: u.username + u.password, host: u.host, path: escaped(path(u)),
			query: escaped(u.search.slice(1)), fragment: escaped(u.hash.slice(1)),
		};
	} catch {
		return null;
	}
}

for await (const line of createInterface({ input: process.stdin })) {
	const [raw, page, out] = line.split(" ").map((text) => Buffer.from(text, "base64").toString());
	console.log(JSON.stringify({ raw: parts(raw, page), out: parts(out) }));
}
