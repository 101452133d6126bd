// Keeps the pages of one browser honest about its session: once it has ended, no tab goes on showing what was private.
// Everything here is an extra; the pages work without it.
"use strict";

(() => {
  const main = document.querySelector("main");
  const form = document.querySelector("form[data-after]");
  const channel = "BroadcastChannel" in window ? new BroadcastChannel("exeunt-session") : null;
  const tell = () => channel?.postMessage("signed-out");

  // Signing out without loading a page first lets the other tabs know at once. Whatever does not go as it should is
  // left to the plain form.
  let leaving = false;
  form?.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (leaving) {
      return;
    }
    leaving = true;
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        body: new URLSearchParams(new FormData(form)),
        headers: { Accept: "application/json" },
        credentials: "same-origin",
      });
      if (answer.status === 204) {
        tell();
        location.replace(form.dataset.after);
        return;
      }
    } catch {
      // no answer
    }
    form.submit();
  });

  // Only the server says whether a session has ended: a message may come from anybody on this origin. If somebody else
  // has signed in meanwhile, the page is drawn anew, for them. An answer that says neither, or none, changes nothing.
  // Asking is not using: nobody stays signed in because a tab was left open.
  const check = async () => {
    try {
      const answer = await fetch(main.dataset.whoami, { cache: "no-store", credentials: "same-origin", headers: { "X-Session-Activity": "none" } });
      const now = Date.parse(answer.headers.get("Date"));
      if (answer.status === 401) {
        close(await reason(answer, now));
      } else if (answer.ok) {
        const session = await answer.json();
        if (session.id !== main.dataset.session) {
          location.reload();
          return;
        }
        main.dataset.expires = session.expires_at;
        watch(now);
      }
    } catch {
      // no answer
    }
  };

  // The cookie goes with the session when its time is over, and then nobody can say why it has ended but the page.
  const reason = async (answer, now) => {
    try {
      const said = (await answer.json()).error.details?.end_reason;
      return said ?? (now >= Date.parse(main.dataset.expires) ? "expired" : "");
    } catch {
      return "";
    }
  };

  let timer;
  const longest = 2 ** 31 - 1; // milliseconds that a timer can wait
  const watch = (now) => {
    clearTimeout(timer);
    const left = Date.parse(main.dataset.expires) - now;
    if (!Number.isNaN(left)) {
      timer = setTimeout(check, Math.min(Math.max(left, 0) + 1000, longest));
    }
  };

  const close = (why) => {
    const ended = document.getElementById("signed-out");
    if (!ended) {
      return; // closed before
    }
    ended.remove();
    for (const said of ended.content.querySelectorAll("[data-reason]")) {
      if (said.dataset.reason === why) {
        ended.content.querySelector(".lead").textContent = said.textContent;
      }
      said.remove();
    }
    main.replaceChildren(ended.content);
    document.title = ended.dataset.title;
    document.body.className = "closed";
    main.querySelector("h1").focus();
  };

  if ("signedOut" in main.dataset) {
    tell();
  }
  if ("whoami" in main.dataset) {
    watch(Date.now());
    channel?.addEventListener("message", check);
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && check());
    addEventListener("pageshow", (event) => {
      if (event.persisted) { // back from elsewhere, just as it was left
        leaving = false;
        check();
      }
    });

    // Times come in UTC; here the reader's own time is known.
    const local = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "long", timeStyle: "short" });
    for (const time of main.querySelectorAll("time")) {
      time.textContent = local.format(new Date(time.dateTime));
    }
  }
})();
