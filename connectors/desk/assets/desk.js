// Follow the theme of the surrounding Airflow page, whose root element has the class light or dark; else the system's.
const root = document.documentElement;
const follow = () => {
  const outer = window.parent.document.documentElement;
  for (const theme of ["light", "dark"]) root.classList.toggle(theme, outer.classList.contains(theme));
};
if (window.parent !== window) {
  follow();
  new MutationObserver(follow).observe(window.parent.document.documentElement, { attributeFilter: ["class"] });
}
