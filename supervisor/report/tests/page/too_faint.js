// Texts whose contrast to what is behind them is below 4.5, as WCAG 2 (AA) reckons it. Drawings on the page count: their
// texts are looked at on the page's own colour, or on that of the box beside them.
(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].map((part) => part / 255);
  };
  const luminance = (color) => {
    const [red, green, blue] = color.map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (one) => {
    const box = one.tagName === "text" && one.parentElement.tagName === "g" && one.parentElement.querySelector(":scope > rect");
    if (box) return rgba(getComputedStyle(box).fill);
    for (let at = one; at; at = at.parentElement) {
      const color = rgba(getComputedStyle(at).backgroundColor);
      if (color[3] > 0) return color;
    }
    return rgba("white");
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const one = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !one.checkVisibility() || one.closest("title, desc, style")) continue;
    const style = getComputedStyle(one);
    const ink = luminance(rgba(one instanceof SVGElement ? style.fill : style.color));
    const paper = luminance(behind(one));
    const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (contrast < 4.5) found.push(`${one.tagName} "${one.textContent.slice(0, 40)}": ${contrast.toFixed(2)}`);
  }
  return found.slice(0, 10);
})()
