// Small help on every page; without it every page works the same.
"use strict";
(() => {
  const root = document.documentElement, body = document.body, lang = root.lang;
  const live = document.getElementById("live");
  const say = (text) => { if (live) { live.textContent = ""; setTimeout(() => { live.textContent = text; }, 60); } };
  root.classList.add("js");

  // A refused field, and what was typed before the language changed, is never hidden in something folded.
  for (const el of document.querySelectorAll("details:not([open]) [data-error],details:not([open]) .sz-field[data-typed]")) el.closest("details").open = true;

  // Switching the language takes the text of one form along; of a page with several, the others' too.
  const changed = (el) => el.type === "checkbox" || el.type === "radio" ? el.checked !== el.defaultChecked
    : el.matches("select") ? [...el.options].some((o) => o.selected !== o.defaultSelected) && el.selectedIndex > 0 : el.type !== "hidden" && el.value !== el.defaultValue;
  document.addEventListener("submit", (e) => {
    if (!e.submitter || !e.submitter.closest(".sz-langs,.sz-scheme") || !e.target.closest("main")) return;
    for (const f of document.querySelectorAll("main form[method=post]")) {
      if (f === e.target || ![...f.elements].some((el) => el.matches("input,select,textarea") && (changed(el) || el.closest("[data-typed]")))) continue;
      for (const [name, value] of new FormData(f)) {
        if (typeof value !== "string" || e.target.querySelector(`[name="${CSS.escape(name)}"]`)) continue;
        const i = document.createElement("input");
        i.type = "hidden";
        i.name = name;
        i.value = value;
        e.target.append(i);
      }
    }
  });

  // The error summary takes the focus; its links move it to the field.
  const errors = document.querySelector("[data-focus]");
  if (errors) errors.focus();
  document.addEventListener("click", (e) => {
    const a = e.target.closest(".sz-errors a[href^='#']");
    if (!a) return;
    const el = document.getElementById(a.getAttribute("href").slice(1));
    if (!el) return;
    e.preventDefault();
    const field = el.matches("input,select,textarea") ? el : el.querySelector("input,select,textarea") || el;
    field.focus();
    field.scrollIntoView({ block: "center" });
  });

  // The foot of a print says when it was printed, not when the page was opened.
  window.addEventListener("beforeprint", () => {
    root.dataset.printed = new Intl.DateTimeFormat({ "sr-Cyrl": "sr-Cyrl-RS", "sr-Latn": "sr-Latn-RS" }[lang] || "en-GB",
      { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZone: "Europe/Belgrade" }).format(new Date());
  });

  // Copy and print.
  document.addEventListener("click", async (e) => {
    const b = e.target.closest("[data-act=copy],[data-act=print]");
    if (!b) return;
    if (b.dataset.act === "print") { window.print(); return; }
    const from = document.getElementById(b.dataset.target);
    if (!from) return;
    try {
      await navigator.clipboard.writeText(from.dataset.copy || from.textContent.trim());
      const word = b.querySelector("span");
      if (word && b.dataset.done) { word.textContent = b.dataset.done; say(b.dataset.done); }
    } catch {
      const range = document.createRange();
      range.selectNodeContents(from);
      const sel = getSelection();
      sel.removeAllRanges();
      sel.addRange(range);
    }
  });

  // A sending form cannot be sent twice by impatience.
  document.addEventListener("submit", (e) => {
    const form = e.target;
    if (e.defaultPrevented || form.method !== "post") return;
    if (form.dataset.sending) { e.preventDefault(); return; }
    form.dataset.sending = "1";
    const by = e.submitter;
    setTimeout(() => { if (by) by.setAttribute("aria-busy", "true"); }, 400);
    setTimeout(() => { delete form.dataset.sending; if (by) by.removeAttribute("aria-busy"); }, 8000);
  });
  window.addEventListener("pageshow", () => {
    for (const f of document.querySelectorAll("form[data-sending]")) delete f.dataset.sending;
  });

  // Clocks: the words stay true, once a minute; nothing ticks for screen readers.
  const dayWord = (n) => lang === "en" ? (n === 1 ? "day" : "days")
    : (lang === "sr-Latn" ? (n % 10 === 1 && n % 100 !== 11 ? "dan" : "dana") : (n % 10 === 1 && n % 100 !== 11 ? "дан" : "дана"));
  const min = lang === "sr-Cyrl" ? " мин" : " min";
  const span = (ms) => {
    const sign = ms < 0 ? "−" : "", m = Math.floor(Math.abs(ms) / 60000);
    if (m < 1) return sign + "1" + min;
    if (m < 60) return sign + m + min;
    if (m < 4320) return sign + Math.floor(m / 60) + " h" + (m % 60 ? " " + (m % 60) + min : "");
    const d = Math.floor(m / 1440);
    return sign + d + " " + dayWord(d);
  };
  const step = (left, term) => left < 0 ? "late" : left < 3600000 ? "last" : term > 0 && left * 4 < term ? "soon" : "calm";
  const wind = () => {
    for (const c of document.querySelectorAll(".sz-clock[data-due]")) {
      const due = Date.parse(c.dataset.due), start = Date.parse(c.dataset.start || ""), now = Date.now();
      const words = c.querySelector("time b"), next = step(due - now, due - start);
      if (words && !words.querySelector(".ds-sr-only")) words.textContent = span(due - now);
      if (next === c.dataset.step) continue;
      if (next === "last") say(words ? words.textContent : "");
      if (next === "late") continue; // its shape changes, too: the server draws it on the next visit
      c.dataset.step = next;
    }
  };
  if (document.querySelector(".sz-clock[data-due]")) setInterval(wind, 60000);

  // A toast leaves after eight seconds, unless somebody is at it.
  for (const t of document.querySelectorAll("[data-toast].sz-toast")) {
    say(t.querySelector("p").textContent);
    const go = () => { if (t.matches(":hover,:focus-within")) setTimeout(go, 2000); else t.remove(); };
    setTimeout(go, 8000);
  }

  // The report form: when the connection is gone, what was typed stays on this
  // device only, for seven days, and is put back when the page opens again.
  const kept = [...document.querySelectorAll("[data-keep]")];
  if (kept.length) {
    const key = "straza-draft:" + location.pathname.replace(/^\/[^/]+/, ""), week = 7 * 864e5;
    const badge = document.getElementById("saved");
    const show = (offline) => {
      if (!badge) return;
      badge.hidden = false;
      badge.dataset.state = offline ? "offline" : "";
      badge.querySelector("span").textContent = offline ? badge.dataset.offline : badge.dataset.saved;
      if (offline) say(badge.dataset.offline);
    };
    const save = () => {
      const values = {};
      for (const el of kept) if (el.type !== "file" && el.type !== "password" && el.value) values[el.name] = el.value;
      try { localStorage.setItem(key, JSON.stringify({ at: Date.now(), values })); } catch { /* full or forbidden: nothing to keep it in */ }
    };
    try {
      const old = JSON.parse(localStorage.getItem(key) || "null");
      if (old && Date.now() - old.at < week) for (const el of kept) if (!el.value && old.values[el.name]) el.value = old.values[el.name];
      if (old && navigator.onLine) localStorage.removeItem(key);
    } catch { /* unreadable: as if there were none */ }
    window.addEventListener("offline", () => { save(); show(true); });
    window.addEventListener("online", () => show(false));
    document.addEventListener("input", () => { if (!navigator.onLine) save(); });
    document.addEventListener("submit", (e) => {
      if (navigator.onLine) return;
      e.preventDefault();
      save();
      show(true);
    });
  }

  // Menus close on Esc and on a click elsewhere.
  const menus = ".sz-person[open],.sz-more[open],.sz-drop[open]";
  document.addEventListener("click", (e) => { for (const d of document.querySelectorAll(menus)) if (!d.contains(e.target)) d.open = false; });
  document.addEventListener("keydown", (e) => {
    if (e.key !== "Escape") return;
    for (const d of document.querySelectorAll(menus)) { d.open = false; d.querySelector("summary").focus(); e.preventDefault(); }
  });
  body.dataset.ready = "1";
})();
