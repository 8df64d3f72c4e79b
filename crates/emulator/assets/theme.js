// Runs before the first paint, so that a chosen theme never flashes. Absent choice: the system's.
(() => {
  const root = document.documentElement;
  const chosen = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null;
    }
  };
  const theme = chosen();
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
})();
