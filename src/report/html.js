// Sorts a table by the head that is clicked: descending, ascending, and back to the order of the paper. Holes
// are last.
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0], order = [...body.rows], stub = table.rows[0].querySelectorAll("th[rowspan]");
  const names = [...stub].filter(head => !head.classList.contains("note"));
  const heads = [...names, ...table.querySelectorAll("thead th.number")];
  const key = (row, at) => { const cell = row.cells[at]; return at < names.length ? cell.textContent : cell.dataset.v };
  table.classList.add("sortable");
  heads.forEach((head, at) => {
    head.tabIndex = 0;
    head.onkeydown = event => { if (event.key === "Enter") head.click() };
    head.onclick = () => {
      const numbers = at >= names.length, before = head.getAttribute("aria-sort");
      const [first, second] = numbers ? ["descending", "ascending"] : ["ascending", "descending"];
      const now = before === first ? second : before === second ? "none" : first;
      heads.forEach(other => other.removeAttribute("aria-sort"));
      if (now !== "none") head.setAttribute("aria-sort", now);
      const sign = now === "ascending" ? 1 : -1, hole = row => numbers && key(row, at) === undefined;
      const compare = (a, b) => hole(a) - hole(b) ||
        (hole(a) ? 0 : sign * (numbers ? key(a, at) - key(b, at) : key(a, at).localeCompare(key(b, at))));
      body.append(...(now === "none" ? order : [...order].sort(compare)));
    };
  });
}
