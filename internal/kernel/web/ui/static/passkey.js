// Passkeys: log in, add one, confirm, open what is sealed. The blocks stay hidden where the browser
// cannot; the forms beside them do the same without this script.
"use strict";
(() => {
  if (!window.PublicKeyCredential || !navigator.credentials) return;
  const bytes = (s) => Uint8Array.from(atob(s.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (b) => btoa(String.fromCharCode(...new Uint8Array(b))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const list = (v) => (v || []).map((c) => ({ ...c, id: bytes(c.id) }));

  const post = async (url, body) => {
    const r = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json", Accept: "application/json" }, body: JSON.stringify(body || {}) });
    if ((r.headers.get("Content-Type") || "").startsWith("text/html")) return { page: await r.text(), ok: r.ok };
    const v = await r.json();
    if (!r.ok) throw new Error(v.title || v.detail || String(r.status));
    return v;
  };

  const create = async (o) => {
    const p = o.publicKey;
    const c = await navigator.credentials.create({ publicKey: { ...p, challenge: bytes(p.challenge), user: { ...p.user, id: bytes(p.user.id) }, excludeCredentials: list(p.excludeCredentials) } });
    return { clientDataJSON: text(c.response.clientDataJSON), attestationObject: text(c.response.attestationObject), transports: c.response.getTransports ? c.response.getTransports() : [], of: c };
  };
  const get = async (o) => {
    const p = o.publicKey;
    const c = await navigator.credentials.get({ publicKey: { ...p, challenge: bytes(p.challenge), allowCredentials: list(p.allowCredentials) } });
    const r = c.response;
    return { clientDataJSON: text(r.clientDataJSON), authenticatorData: text(r.authenticatorData), signature: text(r.signature), userHandle: r.userHandle ? text(r.userHandle) : null, of: c };
  };

  for (const block of document.querySelectorAll("[data-passkey]")) {
    const button = block.querySelector("button"), said = block.querySelector("[role=alert]");
    block.hidden = false;
    button.addEventListener("click", async () => {
      said.textContent = "";
      button.setAttribute("aria-busy", "true");
      try {
        const start = await post(block.dataset.start);
        if (start.next) { location.assign(start.next); return; }
        const { of: c, ...response } = await (block.dataset.passkey === "add" ? create : get)(start.options);
        const answer = { id: c.id, rawId: text(c.rawId), type: c.type, authenticatorAttachment: c.authenticatorAttachment || undefined,
          clientExtensionResults: c.getClientExtensionResults(), response };
        if (block.dataset.passkey === "prove") { // the form itself carries the answer
          block.querySelector("[name=challenge]").value = start.ticket;
          block.querySelector("[name=assertion]").value = JSON.stringify(answer);
          block.closest("form").submit();
          return;
        }
        const done = await post(block.dataset.finish, { ticket: start.ticket, name: "", answer });
        if (done.page) { document.open(); document.write(done.page); document.close(); return; }
        location.assign(done.next);
      } catch (e) {
        said.textContent = e.name === "NotAllowedError" || e.name === "AbortError" ? block.dataset.cancelled : e.message;
      } finally {
        button.removeAttribute("aria-busy");
      }
    });
  }
})();
