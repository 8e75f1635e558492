// Filters the rows of a page: the only thing that it does. Without scripts, everything is shown.
for (const field of document.querySelectorAll("input[data-filter]")) {
  const target = document.getElementById(field.dataset.filter);
  const box = field.closest(".search");
  const status = box.querySelector("[role=status]");
  box.hidden = false;
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of target.querySelectorAll("tbody tr")) {
      const text = (row.textContent + " " + (row.closest("section")?.dataset.words ?? "")).toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    for (const section of target.querySelectorAll("section")) {
      section.hidden = section.querySelector("tbody tr:not([hidden])") === null;
    }
    status.textContent = words.length ? `${shown} ${shown === 1 ? "row" : "rows"}` : "";
  });
}
