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
  const check = async () => {
    try {
      const answer = await fetch(main.dataset.whoami, { cache: "no-store", credentials: "same-origin" });
      if (answer.status === 401) {
        close();
      } else if (answer.ok && (await answer.json()).id !== main.dataset.session) {
        location.reload();
      }
    } catch {
      // no answer
    }
  };

  const close = () => {
    const ended = document.getElementById("signed-out");
    if (!ended) {
      return; // closed before
    }
    ended.remove();
    main.replaceChildren(ended.content);
    document.title = ended.dataset.title;
    document.body.className = "closed";
    main.querySelector("h1").focus();
  };

  if ("signedOut" in main.dataset) {
    tell();
  }
  if ("whoami" in main.dataset) {
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
