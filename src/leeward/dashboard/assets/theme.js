// Before the first paint: the theme the viewer chose, else that of the system.
"use strict";
(() => {
  const KEY = "leeward-theme";
  const chosen = () => {
    try { return localStorage.getItem(KEY) || "system"; } catch { return "system"; }
  };
  const apply = (theme) => {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  };
  apply(chosen());
  window.leewardTheme = {
    chosen,
    choose(theme) {
      try { localStorage.setItem(KEY, theme); } catch { /* private window: for this page only */ }
      apply(theme);
      window.dispatchEvent(new Event("leeward-theme"));
    },
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    window.dispatchEvent(new Event("leeward-theme"));
  });
})();
