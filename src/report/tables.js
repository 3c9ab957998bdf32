// Sorting and filtering of tables. The page is whole without it.
(() => {
  'use strict';
  const prefixes = { P: 1e15, T: 1e12, G: 1e9, M: 1e6, k: 1e3, '': 1, m: 1e-3, µ: 1e-6, n: 1e-9 };
  const measure = /^[<±]?([\d.]+)(?:–[\d.]+)?(?: ?(?:([PTGMkmµn]?)(?:FLOP\/s|FLOP|B\/s|B|s)|×|%)(?![\w³²])|$)/;

  // The number that a text begins with, in base units; NaN where it is no number.
  const number = (text) => {
    const found = measure.exec(text);
    return found ? found[1] * prefixes[found[2] ?? ''] : NaN;
  };

  // What a cell says first: the rest is a second line.
  const first = (cell) => {
    const node = cell && [...cell.childNodes].find((n) => n.textContent.trim());
    return node ? node.textContent.trim() : '';
  };

  const order = (a, b) => {
    if (!a.text || !b.text) return !a.text - !b.text || a.place - b.place;
    const numbers = a.number - b.number;
    return Number.isNaN(numbers) ? a.text.localeCompare(b.text, 'en', { numeric: true }) : numbers;
  };

  const sort = (table, column, down) => {
    const keys = [...table.tBodies[0].rows].map((row, place) => {
      const text = first(row.cells[column]);
      return { row, place, text, number: number(text) };
    });
    // Empty cells stay last.
    keys.sort((a, b) => (down && a.text && b.text ? -1 : 1) * order(a, b) || a.place - b.place);
    table.tBodies[0].append(...keys.map((key) => key.row));
  };

  const makeSortable = (table) => {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener('click', () => {
        const down = head.getAttribute('aria-sort') === 'ascending';
        heads.forEach((other) => other.removeAttribute('aria-sort'));
        head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
        sort(table, column, down);
      });
    });
  };

  const makeFilter = (table) => {
    const rows = [...table.tBodies[0].rows];
    const region = table.closest('.scroll');
    const texts = rows.map((row) => [...row.cells].map((c) => c.textContent).join(' ').toLowerCase());
    const label = document.createElement('label');
    label.className = 'filter';
    const input = document.createElement('input');
    const count = document.createElement('output');
    input.type = 'search';
    input.setAttribute('aria-label', `Filter ${region.getAttribute('aria-label') || 'rows'}`);
    input.placeholder = 'Filter rows';
    input.addEventListener('input', () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row, i) => {
        row.hidden = !words.every((word) => texts[i].includes(word));
        shown += !row.hidden;
      });
      count.textContent = words.length ? `${shown} of ${rows.length} rows` : '';
    });
    label.append(input, count);
    region.before(label);
  };

  for (const table of document.querySelectorAll('.scroll > table')) {
    const rows = table.tBodies[0]?.rows.length ?? 0;
    if (rows > 1 && table.tHead) makeSortable(table);
    if (rows > 8) makeFilter(table);
  }
})();
