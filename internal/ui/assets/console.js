// Keeps a page of the console up to date while something happens. Everything here is an extra; the pages work without it.
"use strict";

(() => {
  const main = document.querySelector("main");
  if (!("stream" in main.dataset)) {
    return;
  }

  // The server draws the page anew, and its live parts take the place of those that are shown. Whoever reads one of them
  // with the keyboard is not disturbed, and what was opened stays open.
  const renew = async () => {
    try {
      const answer = await fetch(location.href, { cache: "no-store", credentials: "same-origin" });
      if (answer.redirected) {
        location.reload();
        return;
      }
      if (!answer.ok) {
        return;
      }
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of main.querySelectorAll("[data-live]")) {
        const fresh = next.getElementById(part.id);
        if (!fresh || part.contains(document.activeElement)) {
          continue;
        }
        const open = [...part.querySelectorAll("details")].map((one) => one.open);
        part.replaceChildren(...fresh.childNodes);
        [...part.querySelectorAll("details")].forEach((one, i) => (one.open = open[i] ?? false));
      }
    } catch {
      // no answer
    }
  };

  const pause = 2000; // milliseconds between two looks, however much happens
  let waiting = false;
  const soon = () => {
    if (!waiting && document.visibilityState === "visible") {
      waiting = true;
      setTimeout(async () => {
        await renew();
        waiting = false;
      }, pause);
    }
  };

  const stream = new EventSource(main.dataset.stream);
  for (const kind of main.dataset.kinds?.split(" ") ?? []) {
    stream.addEventListener(kind, soon);
  }
  // A stream that is refused is over: the page asks once more whether its reader may still see it.
  stream.addEventListener("error", () => stream.readyState === EventSource.CLOSED && renew());
  document.addEventListener("visibilitychange", soon);
})();
