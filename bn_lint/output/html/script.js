// Filters what a page shows: the only thing that it does. Without scripts, everything is shown.
for (const field of document.querySelectorAll("input[data-filter]")) {
  const target = document.getElementById(field.dataset.filter);
  const box = field.closest(".search");
  const status = box.querySelector("[role=status]");
  box.hidden = false;
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const item of target.querySelectorAll("tbody tr:not(.module), .finding")) {
      const text = (item.textContent + " " + (item.closest("section")?.dataset.words ?? "")).toLowerCase();
      item.hidden = !words.every((word) => text.includes(word));
      shown += item.hidden ? 0 : 1;
    }
    // The heading of a module is shown with any row below it.
    let below = false;
    for (const row of [...target.querySelectorAll("tbody tr")].reverse()) {
      const heads = row.classList.contains("module");
      if (heads) row.hidden = !below;
      below = !heads && (below || !row.hidden) && row.previousElementSibling !== null;
    }
    for (const section of target.querySelectorAll("section")) {
      section.hidden = section.querySelector("tbody tr:not([hidden])") === null;
    }
    // What is found is seen, also in a model that was closed before.
    for (const details of target.querySelectorAll("details")) {
      details.dataset.before ??= details.open ? "open" : "closed";
      details.open = words.length > 0 || details.dataset.before === "open";
    }
    if (words.length === 0) {
      target.querySelectorAll("details").forEach((details) => delete details.dataset.before);
    }
    status.textContent = words.length ? `${shown} found` : "";
  });
}
