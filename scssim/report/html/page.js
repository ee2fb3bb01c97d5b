"use strict";
// Tables sort by any column: numbers by their value, empty cells last, everything else by its letters.
for (const table of document.querySelectorAll("main .grid table")) {
  table.tHead.querySelectorAll("th").forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    heading.replaceChildren(button);
    button.addEventListener("click", () => sort(table, heading, column));
  });
}

function sort(table, heading, column) {
  const first = heading.classList.contains("number") ? "descending" : "ascending";
  const other = { ascending: "descending", descending: "ascending" };
  const order = other[heading.getAttribute("aria-sort")] ?? first;
  for (const each of table.tHead.querySelectorAll("th")) each.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", order);
  const sign = order === "ascending" ? 1 : -1;
  const rows = [...table.tBodies[0].rows].map((row) => {
    const cell = row.cells[column];
    return { row, text: cell.textContent.trim(), value: cell.dataset.sort === undefined ? NaN : Number(cell.dataset.sort) };
  });
  rows.sort((a, b) => {
    if (!a.text || !b.text) return (a.text ? 0 : 1) - (b.text ? 0 : 1);
    if (!Number.isNaN(a.value) && !Number.isNaN(b.value)) return sign * (a.value - b.value);
    if (Number.isNaN(a.value) !== Number.isNaN(b.value)) return Number.isNaN(a.value) ? 1 : -1;
    return sign * a.text.localeCompare(b.text, "en");
  });
  table.tBodies[0].append(...rows.map((each) => each.row));
}

for (const input of document.querySelectorAll("input[type=search]")) {
  const rows = [...document.getElementById(input.dataset.table).tBodies[0].rows];
  const status = input.closest(".search").querySelector("[role=status]");
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const fits = words.every((word) => text.includes(word));
      row.classList.toggle("hidden", !fits);
      shown += fits;
    }
    status.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
  });
}

// Tables of the run are kept in the page, so that a page that was sent alone still has its data.
for (const link of document.querySelectorAll("a[data-content]")) {
  link.addEventListener("click", async (event) => {
    if (typeof DecompressionStream === "undefined") return;
    event.preventDefault();
    const packed = atob(document.getElementById(link.dataset.content).textContent);
    const bytes = Uint8Array.from(packed, (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const address = URL.createObjectURL(new Blob([await new Response(stream).blob()], { type: "text/csv" }));
    const save = document.createElement("a");
    save.href = address;
    save.download = link.download;
    save.click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  });
}

// On a phone the contents are closed at first: the answer comes before the list.
if (window.matchMedia("(max-width: 69.99rem)").matches) document.querySelector("nav details").open = false;
