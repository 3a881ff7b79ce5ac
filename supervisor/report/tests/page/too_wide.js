// Elements that reach beyond the page, but for what is scrolled in a box of its own. The width of the page is that of
// the screen: a phone would make the page wider and everything smaller instead of scrolling.
(() => {
  const found = [];
  if (document.documentElement.scrollWidth > screen.width) found.push(`page: ${document.documentElement.scrollWidth}`);
  for (const one of document.body.querySelectorAll("*")) {
    const box = one.getBoundingClientRect();
    const isScrolled = one.parentElement.closest(".scroll, svg");
    if (!isScrolled && box.width > 1 && (box.right > screen.width + 0.5 || box.left < -0.5)) {
      found.push(`${one.tagName}.${one.className}: ${box.left} to ${box.right}`);
    }
  }
  return found.slice(0, 10);
})()
