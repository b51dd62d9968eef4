/* Light or dark before the first paint: as the system says, or as the person chose here. Without scripts pages are light. */
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => {
    try {
      return localStorage.getItem("theme") || "auto";
    } catch {
      return "auto"; /* the browser keeps nothing for this site */
    }
  };
  const apply = (theme) => {
    const isDark = theme === "auto" ? dark.matches : theme === "dark";
    document.documentElement.setAttribute("data-bs-theme", isDark ? "dark" : "light");
  };
  apply(chosen());
  dark.addEventListener("change", () => apply(chosen()));
  window.addEventListener("storage", () => apply(chosen())); /* another tab chose */
  document.addEventListener("DOMContentLoaded", () => {
    const field = document.getElementById("theme");
    if (!field) return;
    field.value = chosen();
    field.hidden = false;
    field.addEventListener("change", () => {
      try {
        localStorage.setItem("theme", field.value);
      } catch {
        /* it holds for this page only */
      }
      apply(field.value);
    });
  });
})();
