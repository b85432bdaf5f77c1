// What the pages need of the browser: times in the viewer's zone, ages that grow, dialogs, focus.
"use strict";
(() => {
  const pad = (number) => String(number).padStart(2, "0");
  const day = (date) => `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  const clock = (date, seconds) => `${pad(date.getHours())}:${pad(date.getMinutes())}`
    + (seconds ? `:${pad(date.getSeconds())}` : "");
  const shifted = (ms) => new Date(ms + new Date(ms).getTimezoneOffset() * 60000);
  const isUtc = (ms) => new Date(ms).getTimezoneOffset() === 0;
  const text = (node, value) => { if (node.textContent !== value) node.textContent = value; };

  const words = (ms, seconds) => {
    const local = new Date(ms), utc = shifted(ms);
    const zone = day(local) === day(utc) ? clock(utc, seconds) : `${day(utc)} ${clock(utc, seconds)}`;
    return [`${day(local)} ${clock(local, seconds)}`, isUtc(ms) ? "UTC" : `${zone} UTC`];
  };
  window.leewardWords = words;

  customElements.define("lw-time", class extends HTMLElement {
    connectedCallback() {
      const ms = Number(this.getAttribute("ms"));
      const [local, utc] = words(ms, this.hasAttribute("seconds"));
      const time = document.createElement("time"), beside = document.createElement("small");
      time.dateTime = new Date(ms).toISOString();
      time.textContent = local;
      beside.textContent = utc;
      this.replaceChildren(time, " ", beside);
    }
  });

  const span = (seconds) => {
    for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
      if (seconds >= 2 * size) return `${Math.floor(seconds / size)} ${unit}`;
    }
    return `${Math.max(0, Math.floor(seconds))} s`;
  };
  const ages = new Set();
  customElements.define("lw-age", class extends HTMLElement {
    connectedCallback() { this.drawn = performance.now(); ages.add(this); this.draw(); }
    disconnectedCallback() { ages.delete(this); }
    // The age at the moment the server drew it, and what has passed here since.
    draw() {
      const since = (performance.now() - this.drawn) / 1000;
      text(this, span(Number(this.getAttribute("s")) + since));
    }
  });
  setInterval(() => ages.forEach((age) => age.draw()), 1000);

  // ---------------------------------------------------------------- theme
  const showTheme = () => {
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      const pressed = String(button.dataset.themeChoice === window.leewardTheme.chosen());
      if (button.getAttribute("aria-pressed") !== pressed) button.setAttribute("aria-pressed", pressed);
    }
  };

  // ---------------------------------------------------------------- clicks
  const open = (id) => {
    const dialog = document.getElementById(id);
    if (!dialog || dialog.open) return;
    dialog.querySelectorAll("[data-answer]").forEach((node) => node.replaceChildren());
    dialog.querySelector("form")?.reset();
    dialog.showModal();
  };
  window.leewardDialog = { open, close: (id) => document.getElementById(id)?.close() };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-open],[data-close],[data-theme-choice],[data-menu]");
    if (!button) return;
    if (button.dataset.open) open(button.dataset.open);
    if ("close" in button.dataset) button.closest("dialog")?.close();
    if (button.dataset.themeChoice) { window.leewardTheme.choose(button.dataset.themeChoice); showTheme(); }
    if ("menu" in button.dataset) {
      const isOpen = button.closest(".side").classList.toggle("open");
      button.setAttribute("aria-expanded", String(isOpen));
    }
  });
  document.addEventListener("change", (event) => {
    const goes = event.target.closest("select[data-goes]");
    if (goes) location.search = new URLSearchParams({ account: goes.value }).toString();
  });

  // ---------------------------------------------------------------- presses
  // A part that is drawn anew between press and release takes the click with it: its successor gets it.
  const control = (event) => event.target.closest?.("[data-key],a[href]");
  const name = (node) => node.dataset.key || node.getAttribute("href");
  let pressed = null;
  document.addEventListener("pointerdown", (event) => {
    pressed = event.button === 0 ? control(event) : null;
  });
  document.addEventListener("pointerup", (event) => {
    const under = control(event);
    const lost = pressed && under && !pressed.isConnected && name(pressed) === name(under);
    pressed = null;
    if (lost) under.click();
  });

  // ---------------------------------------------------------------- focus
  // A part that is drawn anew takes its focused control with it: give the focus to its successor.
  let last = null;
  document.addEventListener("focusin", (event) => { last = event.target.dataset?.key || null; });
  document.addEventListener("focusout", (event) => { if (event.relatedTarget) last = null; });
  new MutationObserver(() => {
    showTheme();
    if (last && document.activeElement === document.body) {
      document.querySelector(`[data-key="${CSS.escape(last)}"]`)?.focus({ preventScroll: true });
    }
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
