// Sorts a table by the column whose head is clicked, or where Enter is pressed; again, the other way round.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const heads = Array.from(table.tHead.rows[0].cells);
  heads.forEach((head, column) => {
    head.tabIndex = 0;
    head.setAttribute("role", "button");
    const value = row => row.cells[column].dataset.v ?? row.cells[column].textContent.trim();
    const sort = () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      const number = head.classList.contains("number");
      const rows = Array.from(body.rows);
      rows.sort((a, b) => number ? value(a) - value(b) : value(a).localeCompare(value(b)));
      if (down) rows.reverse();
      body.append(...rows);
      heads.forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
    };
    head.addEventListener("click", sort);
    head.addEventListener("keydown", event => { if (event.key === "Enter") sort(); });
  });
}
