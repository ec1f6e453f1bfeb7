// Keeps the page up to date: what changed in the store is fetched again. Without this file the page is plain
// HTML with links.
'use strict';
(() => {
  const live = document.getElementById('live');
  const tell = (word, state) => {
    live.textContent = word;
    live.className = state;
  };

  // Parts that may change have `data-live`; ticked boxes and open folds in them are kept.
  const parts = (page) => new Map([...page.querySelectorAll('[data-live]')].map((part) => [part.id, part]));
  const sources = (page) => [...page.querySelectorAll('figure[data-curves]')].map((figure) => figure.dataset.curves).join();

  function exchange(old, now) {
    const ticked = new Set([...old.querySelectorAll('input:checked')].map((box) => box.value));
    const open = new Set([...old.querySelectorAll('details[open]')].map((fold) => fold.id));
    const focused = old.contains(document.activeElement) && (document.activeElement.value || document.activeElement.href);
    old.replaceChildren(...now.childNodes);
    for (const box of old.querySelectorAll('input[type=checkbox]')) box.checked = ticked.has(box.value) || box.checked;
    for (const fold of old.querySelectorAll('details')) if (open.has(fold.id)) fold.open = true;
    if (focused) [...old.querySelectorAll('a, input')].find((one) => (one.value || one.href) === focused)?.focus({ preventScroll: true });
  }

  async function refresh() {
    const answer = await fetch(location.href);
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const [old, now] = [parts(document), parts(page)];
    if ([...old.keys()].join() !== [...now.keys()].join() || sources(document) !== sources(page)) {
      exchange(document.querySelector('main'), page.querySelector('main'));
      const runs = document.getElementById('runs');
      runs.replaceChildren(...page.getElementById('runs').childNodes);
      charts.tools();
      charts.find();
      return;
    }
    for (const [id, part] of now) if (part.innerHTML !== old.get(id).innerHTML) exchange(old.get(id), part);
  }

  // One update at a time; a page that is slow to render is updated less often.
  let busy = false, again = false;
  async function changed() {
    if (busy || document.hidden) {
      again = true;
      return;
    }
    busy = true;
    again = false;
    const start = performance.now();
    await Promise.allSettled([charts.update(), refresh()]);
    const rest = Math.max(250, 4 * (performance.now() - start));
    setTimeout(() => {
      busy = false;
      if (again) changed();
    }, rest);
  }

  function listen() {
    const events = new EventSource('/events');
    let before = false;
    events.addEventListener('hello', () => {
      tell('live', 'on');
      if (before) changed();
      before = true;
    });
    events.addEventListener('change', changed);
    events.onerror = () => tell('not connected', 'off');
  }

  document.addEventListener('visibilitychange', () => !document.hidden && again && changed());

  document.addEventListener('keydown', (event) => {
    const typing = event.target.closest('input:not([type=checkbox]), select, textarea');
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing) {
      if (event.key === 'Escape') typing.blur();
      return;
    }
    const boxes = [...document.querySelectorAll('table.runs input[type=checkbox]')];
    const at = boxes.indexOf(document.activeElement);
    if (event.key === '/') document.getElementById('filter').focus();
    else if (event.key === 'c' && document.querySelector('input[name=run]:checked')) document.querySelector('form[action="/compare"]').requestSubmit();
    else if (event.key === 'j') boxes[Math.min(at + 1, boxes.length - 1)]?.focus();
    else if (event.key === 'k') boxes[Math.max(at - 1, 0)]?.focus();
    else return;
    event.preventDefault();
  });
  document.addEventListener('change', (event) => event.target.matches('[data-submit]') && event.target.form.requestSubmit());

  charts.tools();
  charts.find();
  listen();
})();
