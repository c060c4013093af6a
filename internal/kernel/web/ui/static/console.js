// The console's keyboard, palette and lists. Everything it does can be done
// without it, by links and forms.
"use strict";
(() => {
  const root = document.documentElement, body = document.body;
  const $ = (sel, from) => (from || document).querySelector(sel), $$ = (sel, from) => [...(from || document).querySelectorAll(sel)];

  // Both scripts, with or without diacritics, are one.
  const cyr = { а: "a", б: "b", в: "v", г: "g", д: "d", ђ: "dj", е: "e", ж: "z", з: "z", и: "i", ј: "j", к: "k", л: "l", љ: "lj", м: "m", н: "n", њ: "nj",
    о: "o", п: "p", р: "r", с: "s", т: "t", ћ: "c", у: "u", ф: "f", х: "h", ц: "c", ч: "c", џ: "dz", ш: "s" };
  const fold = (s) => [...s.toLowerCase().normalize("NFKC")].map((c) => cyr[c] || c).join("").replace(/đ/g, "dj").normalize("NFD").replace(/\p{M}/gu, "");
  // Single keys by the letter they write, on whatever layout: ј is J, к is K.
  const one = { ј: "j", к: "k", х: "x", а: "a", м: "m", р: "r", н: "n", е: "e", т: "t", с: "s", ф: "f", в: "v", г: "g", з: "z", п: "p", д: "d", у: "u", џ: "x", ш: "[" };
  const keyOf = (e) => { const k = e.key.toLowerCase(); return one[k] || k; };

  // Sidebar.
  const small = matchMedia("(max-width:700px)");
  try { if (!small.matches && localStorage.getItem("straza-side") === "folded") root.dataset.side = "folded"; } catch { /* no storage: unfolded */ }
  const side = () => {
    const now = small.matches ? (root.dataset.side === "open" ? "" : "open") : (root.dataset.side === "folded" ? "" : "folded");
    root.dataset.side = now;
    if (small.matches) { if (now) $(".sz-side a").focus(); return; }
    try { localStorage.setItem("straza-side", now); } catch { /* for this page only */ }
  };
  const inSide = (el) => el.closest(".sz-side") || el.closest("[data-act=side]");
  document.addEventListener("click", (e) => {
    if (e.target.closest("[data-act=side]")) side();
    else if (small.matches && root.dataset.side === "open" && !inSide(e.target)) root.dataset.side = "";
  });

  // Lists: a cursor of our own over real rows.
  const rows = () => $$("[data-list] tbody tr:not(.sz-group)");
  const current = () => $("[data-list] tr[data-cursor]");
  const tickOf = (row) => row && $(".sz-col-tick input", row);
  const move = (by, extend) => {
    const all = rows();
    if (!all.length) return;
    const from = current(), at = from ? all.indexOf(from) : -1;
    const to = all[Math.max(0, Math.min(all.length - 1, from ? at + by : 0))];
    if (extend && tickOf(to)) { for (const r of [from, to]) if (tickOf(r)) tickOf(r).checked = true; count(); }
    if (from) from.removeAttribute("data-cursor");
    to.setAttribute("data-cursor", "");
    const link = $("a[href]", to);
    if (link) link.focus({ preventScroll: true });
    to.scrollIntoView({ block: "nearest" });
  };
  const open = () => { const r = current(); const href = r && (r.dataset.href || ($("a[href]", r) || {}).href); if (href) location.href = href; };
  const count = () => {
    for (const bar of $$("[data-bulk]")) {
      const n = $$("input[name=id]:checked").filter((i) => i.form === bar).length;
      bar.toggleAttribute("data-none", n === 0);
      const words = $(".sz-bulk-count", bar), d = words.dataset;
      const tens = n % 100, ones = n % 10, few = ones > 1 && ones < 5 && (tens < 12 || tens > 14);
      const text = ones === 1 && tens !== 11 ? d.word1 : few ? d.word2 : d.word5;
      words.textContent = text.replace(/\d+/, n);
    }
  };
  // A row that says where is changed in its place, by E or a double click. What cannot be
  // done so is sent as the form it is, and answered by a page.
  let edited = null;
  const ask = async (url, init) => {
    const a = await fetch(url, { ...init, headers: { "HX-Request": "true" } }), t = document.createElement("template");
    t.innerHTML = await a.text();
    return { row: $("tr", t.content), toast: $(".sz-toast", t.content) };
  };
  const point = (row) => { for (const r of $$("[data-list] tr[data-cursor]")) r.removeAttribute("data-cursor"); row.setAttribute("data-cursor", ""); const a = $("a[href]", row); if (a) a.focus({ preventScroll: true }); };
  const closeRow = () => { if (!edited) return; const { form, row } = edited; edited = null; form.replaceWith(row); point(row); };
  const showForm = (form, row) => { edited = { form, row }; const at = $("[aria-invalid=true]", form) || $("input:not([type=hidden]),textarea", form); at.focus(); };
  const editRow = async (row) => {
    closeRow();
    const got = await ask(row.dataset.edit).catch(() => ({}));
    if (!got.row || !("editing" in got.row.dataset)) { const a = $("a[href]", row); if (a) a.click(); return; }
    row.replaceWith(got.row);
    showForm(got.row, row);
  };
  const leave = (toast) => { if (toast.matches(":hover,:focus-within")) setTimeout(leave, 2000, toast); else toast.remove(); };
  const saveRow = async (form) => {
    const { row: old } = edited, got = await ask(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) }).catch(() => ({}));
    if (!got.row) { form.submit(); return; }
    form.closest("tr").replaceWith(got.row);
    if ("editing" in got.row.dataset) { showForm(got.row, old); return; }
    edited = null;
    got.row.toggleAttribute("data-inset", "inset" in old.dataset);
    got.row.classList.add("sz-changed");
    point(got.row);
    count();
    if (got.toast) { $(".sz-toasts").replaceChildren(got.toast); live.textContent = $("p", got.toast).textContent; setTimeout(leave, 8000, got.toast); }
  };
  document.addEventListener("submit", (e) => { if (!e.target.matches("[data-rowform]")) return; e.preventDefault(); if ("sent" in e.target.dataset) return; e.target.dataset.sent = ""; saveRow(e.target); });
  document.addEventListener("dblclick", (e) => { const row = e.target.closest("tr[data-edit]"); if (row && !e.target.closest("a,button,input,label")) editRow(row); });
  document.addEventListener("click", (e) => { if (e.target.closest("[data-act=closerow]")) closeRow(); });
  const clear = () => { for (const i of $$("[data-list] input[name=id]:checked")) i.checked = false; count(); };
  document.addEventListener("change", (e) => { if (e.target.matches("input[name=id]")) count(); });
  document.addEventListener("click", (e) => {
    if (e.target.closest("[data-act=clear]")) clear();
    const row = e.target.closest("[data-list] tr[data-href]");
    if (row && !e.target.closest("a,button,input,label,summary") && !String(getSelection())) location.href = row.dataset.href;
  });
  count();

  // Palette and key list.
  const palette = $("#palette"), keys = $("#keys");
  const live = $("#live");
  const press = (el) => { if ("say" in el.dataset) { live.textContent = ""; setTimeout(() => { live.textContent = el.textContent; }, 60); el.classList.remove("sz-changed"); void el.offsetWidth; el.classList.add("sz-changed"); } else if (el.matches("summary")) { el.parentNode.open = !el.parentNode.open; el.focus(); } else el.click(); };
  const there = (el) => el.offsetParent !== null || el.closest(".sz-toast,.sz-drop");
  const acts = () => $$("main [data-key]").filter((el) => there(el) && !"zZ,.".includes(el.dataset.key));
  const nameOf = (el) => ($("span", el) || el).textContent.trim() || el.getAttribute("aria-label") || "";
  let items = [], chosen = 0;
  const choose = (i) => {
    chosen = items.length ? (i + items.length) % items.length : 0;
    items.forEach((it, n) => it.el.setAttribute("aria-selected", n === chosen));
    const input = $("input", palette);
    if (items[chosen]) { input.setAttribute("aria-activedescendant", items[chosen].el.id); items[chosen].el.scrollIntoView({ block: "nearest" }); }
  };
  const option = (box, it) => {
    const el = document.createElement("div"), word = document.createElement("span");
    el.id = "palette-" + items.length;
    el.setAttribute("role", "option");
    const icon = it.icon && it.icon.cloneNode(true);
    if (icon) el.append(icon);
    word.textContent = it.text;
    el.append(word);
    if (it.key) { const k = document.createElement("kbd"); k.textContent = it.key; el.append(k); }
    el.addEventListener("click", () => { palette.close(); it.run(); });
    box.append(el);
    items.push({ ...it, el });
  };
  const fill = () => {
    const box = $("#palette-list"), q = $("input", palette).value.trim(), want = fold(q);
    const fits = (text) => want.split(/\s+/).every((w) => fold(text).includes(w));
    box.textContent = "";
    items = [];
    const group = (title, list) => {
      if (!list.length) return;
      const h = document.createElement("h3");
      h.textContent = title;
      h.setAttribute("role", "presentation");
      box.append(h);
      for (const it of list) option(box, it);
    };
    group(box.dataset.acts, acts().map((el) => ({ text: nameOf(el), key: el.dataset.key, icon: $("svg", el), run: () => press(el) })).filter((a) => fits(a.text)));
    group(box.dataset.places, $$(".sz-side li a").map((a) => ({ text: ($("span", a) || a).textContent.trim(), icon: $("svg", a), run: () => { location.href = a.href; } })).filter((p) => fits(p.text)).slice(0, 8));
    if (q) group(box.dataset.all, [{ text: "„" + q + "” " + box.dataset.for, icon: $("svg", palette), key: "Enter", run: () => $("form", palette).requestSubmit() }]);
    choose(0);
  };
  const showPalette = () => { if (!palette || palette.open) return; palette.showModal(); const i = $("input", palette); i.value = ""; i.focus(); fill(); };
  if (palette) {
    $("input", palette).addEventListener("input", fill);
    palette.addEventListener("keydown", (e) => {
      if (e.key === "Escape") { e.preventDefault(); palette.close(); return; } // a search field would only empty itself
      if (e.key === "ArrowDown" || e.key === "ArrowUp") { e.preventDefault(); choose(chosen + (e.key === "ArrowDown" ? 1 : -1)); }
      if (e.key === "Enter" && items[chosen] && items[chosen].key !== "Enter") { e.preventDefault(); palette.close(); items[chosen].run(); }
    });
    palette.addEventListener("click", (e) => { if (e.target === palette) palette.close(); });
    const find = $("#find");
    if (find) find.addEventListener("click", () => showPalette());
  }
  const showKeys = () => {
    if (!keys) return;
    const more = $("#keys-more"), dl = document.createElement("dl"), inRows = $("[data-list] tr[data-edit]");
    more.textContent = "";
    const line = (key, text) => {
      const row = document.createElement("div"), dt = document.createElement("dt"), k = document.createElement("kbd"), dd = document.createElement("dd");
      k.textContent = key;
      dt.append(k);
      dd.textContent = text;
      row.append(dt, dd);
      dl.append(row);
    };
    if (inRows) line("E", more.dataset.row);
    for (const el of acts()) line(el.dataset.key, nameOf(el) + (inRows && el.dataset.key === "E" ? " (" + more.dataset.norow + ")" : ""));
    if (dl.children.length) more.append(dl);
    keys.showModal();
  };
  document.addEventListener("click", (e) => { if (e.target.closest("[data-act=keys]")) showKeys(); });

  // The keyboard. Single keys only outside fields, and only when they are on.
  let lead = 0;
  const go = { p: "reports", s: "cases", d: "events", u: "advisories" };
  document.addEventListener("keydown", (e) => {
    if ((e.ctrlKey || e.metaKey) && keyOf(e) === "k") { e.preventDefault(); showPalette(); return; }
    if (e.ctrlKey || e.metaKey || e.altKey || $("dialog[open]")) return;
    const field = e.target.matches("input:not([type=checkbox],[type=radio]),textarea,select,[contenteditable]");
    if (e.key === "Escape") {
      if (e.defaultPrevented) return; // a menu was closed
      if (edited) closeRow(); else if (field) e.target.blur(); else clear();
      if (root.dataset.side === "open") root.dataset.side = "";
      return;
    }
    if (field || !("keys" in body.dataset)) return;
    const k = keyOf(e);
    if (lead && Date.now() - lead < 1200 && go[k]) {
      lead = 0;
      const a = $(`.sz-side a[href*="/${go[k]}"]`);
      if (a) { e.preventDefault(); location.href = a.href; }
      return;
    }
    const row = current();
    const done = () => e.preventDefault();
    switch (k) {
    case "g": lead = Date.now(); return;
    case "j": done(); move(1, e.shiftKey); return;
    case "k": done(); move(-1, e.shiftKey); return;
    case "e": { // the row on which the focus stands, or the cursor while it stands nowhere; else what the page binds
      const on = e.target.closest("[data-list] tr:not(.sz-group)") || (e.target === body && row);
      if (on && on.dataset.edit) { done(); editRow(on); return; }
      if (on && $("tr[data-edit]", on.closest("table"))) { done(); return; }
      break;
    }
    case "x": if (tickOf(row)) { done(); tickOf(row).click(); } return;
    case "enter": if (row && e.target === body) { done(); open(); } return;
    case "/": { const f = $("[data-filter]") || $("#find"); if (f) { done(); f.focus(); f.select(); } return; }
    case "?": done(); showKeys(); return;
    case "[": done(); side(); return;
    }
    const el = $$("[data-key]").find((x) => x.dataset.key.toLowerCase() === k && there(x));
    if (el) { done(); press(el); }
  });

  // After a swap the changed part is tinted, and what says so is read out.
  document.addEventListener("htmx:afterSwap", (e) => {
    const t = e.target;
    if (t && t.classList && t !== body) { t.classList.remove("sz-changed"); void t.offsetWidth; t.classList.add("sz-changed"); }
    count();
  });
})();
