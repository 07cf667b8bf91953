// Sets the theme before the first paint; the same rule as src/ui/theme.ts, which takes over.
(function () {
  var choice = null;
  try {
    choice = localStorage.getItem("soma.theme");
  } catch (e) {
    choice = null;
  }
  if (choice !== "light" && choice !== "dark" && choice !== "contrast") {
    choice = matchMedia("(prefers-contrast: more)").matches
      ? "contrast"
      : matchMedia("(prefers-color-scheme: dark)").matches
        ? "dark"
        : "light";
  }
  document.documentElement.dataset.theme = choice;
})();
