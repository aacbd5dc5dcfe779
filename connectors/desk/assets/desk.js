// The theme of the Airflow page around us: its root element says light or dark by a class. Without one, the system's.
const root = document.documentElement;
const follow = () => {
  const outer = window.parent.document.documentElement;
  for (const theme of ["light", "dark"]) root.classList.toggle(theme, outer.classList.contains(theme));
};
if (window.parent !== window) {
  follow();
  new MutationObserver(follow).observe(window.parent.document.documentElement, { attributeFilter: ["class"] });
}
