// Curves: fetched, drawn by uPlot, extended when points are written, fetched again when you zoom in.
'use strict';
const charts = (() => {
  const LIGHT = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#7a5fd0', '#777777'];
  const DARK = ['#4aa8e0', '#f0803c', '#2cc596', '#de9cc2', '#f2b632', '#8fd3f7', '#a896f0', '#aaaaaa'];
  const MOST = 8000; // points of one curve in the browser, before the server thins them out again
  const drawn = new Map(); // figure -> chart
  const look = { smooth: 0, log: false };
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const short = (v) => (v == null ? '–' : v !== 0 && (Math.abs(v) < 1e-3 || Math.abs(v) >= 1e5) ? v.toExponential(2).replace(/\.?0+e/, 'e') : String(+v.toPrecision(4)));
  const colours = () => (dark.matches ? DARK : LIGHT);
  const alpha = (colour, part) => colour + Math.round(part * 255).toString(16).padStart(2, '0');

  // An exponential moving average that starts at the first value.
  function smoothed(values, share) {
    let sum = 0, weight = 0;
    return values.map((v) => {
      if (v == null) return v;
      sum = sum * share + (1 - share) * v;
      weight = weight * share + (1 - share);
      return sum / weight;
    });
  }

  class Chart {
    constructor(figure) {
      this.figure = figure;
      this.place = figure.querySelector('.plot');
      this.step = figure.dataset.x || 'step';
      this.hidden = new Set();
      this.wide = new ResizeObserver(() => this.plot && this.plot.setSize(this.size()));
      this.wide.observe(this.place);
      this.load();
    }

    async ask(more) {
      const answer = await fetch(this.figure.dataset.curves + '&' + new URLSearchParams(more));
      if (!answer.ok) throw new Error(answer.statusText);
      return answer.json();
    }

    async load(range) {
      const found = await this.ask(range ? { from: range[0], to: range[1] } : {});
      this.take(found, range);
      if (!range) {
        const ends = found.series.filter((s) => s.x.length).map((s) => [s.x[0], s.x[s.x.length - 1]]);
        this.full = [Math.min(...ends.map((e) => e[0])), Math.max(...ends.map((e) => e[1]))];
      }
      this.draw();
    }

    take(found, range) {
      this.back = false;
      this.series = found.series;
      this.key = found.key;
      this.last = found.last;
      this.loaded = range || null;
    }

    // New points, after those that are already there.
    async update() {
      if (!this.series || this.zoom) return;
      const found = await this.ask({ after: this.last, key: this.key });
      if (this.zoom) return;
      if (found.fresh || this.series.some((s) => s.x.length > MOST)) return this.load();
      let more = false;
      found.series.forEach((now, at) => {
        const then = this.series[at], end = then.x.length ? then.x[then.x.length - 1] : -1;
        now.x.forEach((x, i) => {
          if (x <= end) return;
          then.x.push(x);
          then.y.push(now.y[i]);
          more = true;
        });
      });
      this.last = found.last;
      if (!more) return;
      this.full[1] = Math.max(this.full[1], this.last);
      if (this.plot) this.plot.setData(this.columns());
      else this.draw();
    }

    // Per curve: itself, or a faint one with the smoothed one on top; a band if it is a mean.
    columns() {
      const tables = this.series.map((s) => {
        const usable = look.log ? (v) => (v > 0 ? v : null) : (v) => v;
        const y = s.y.map(usable), table = [s.x];
        if (s.low) table.push(s.low.map(usable), s.high.map(usable));
        table.push(y);
        if (look.smooth > 0) table.push(smoothed(y, look.smooth));
        return table;
      });
      return tables.length ? uPlot.join(tables) : [[]];
    }

    size() {
      return { width: Math.max(200, this.place.clientWidth), height: this.figure.classList.contains('small') ? 150 : 230 };
    }

    draw() {
      if (this.plot) this.plot.destroy();
      this.plot = null;
      if (!this.series || !this.full || !isFinite(this.full[0])) return;
      const series = [{ label: this.step }], bands = [], palette = colours();
      this.series.forEach((s, at) => {
        const colour = palette[at % palette.length], dash = at >= palette.length ? [6, 3] : undefined;
        const part = s.name.startsWith('loss/'); // fainter than the sum
        const line = { label: s.name, stroke: part ? alpha(colour, 0.5) : colour, width: part ? 1 : 1.5, dash, points: { show: s.x.length < 3 }, value: (_, v) => short(v), show: !this.hidden.has(s.name) };
        if (s.low) {
          bands.push({ series: [series.length + 1, series.length], fill: alpha(colour, 0.15) });
          for (const edge of ['−', '+']) series.push({ label: s.name + edge, stroke: 'transparent', spanGaps: true, class: 'edge', points: { show: false } });
        }
        if (look.smooth > 0) series.push({ ...line, stroke: alpha(colour, 0.25), width: 1, class: 'edge' }, { ...line, width: 2 });
        else series.push(line);
      });
      const axis = { stroke: css('--mute'), grid: { stroke: css('--line'), width: 1 }, ticks: { show: false }, font: '11px system-ui, sans-serif' };
      const wide = (_, values) => Math.max(40, 14 + 6.5 * Math.max(0, ...(values || []).map((v) => (v == null ? 0 : String(v).length))));
      this.plot = new uPlot({
        ...this.size(),
        padding: [12, 24, 0, 0],
        cursor: { sync: { key: this.step }, drag: { x: true, y: false }, focus: { prox: 24 } },
        focus: { alpha: this.series.length > 3 ? 0.3 : 1 },
        scales: { x: { time: false }, y: look.log ? { distr: 3, range: (_, low, high) => (low > 0 ? [low / 1.1, high * 1.1] : [0.1, 1]) } : {} },
        series,
        bands,
        axes: [{ ...axis, size: 30 }, { ...axis, size: wide, values: (_, ticks) => ticks.map((v) => (v == null ? null : short(v))) }],
        legend: { live: true },
        hooks: {
          // Steps at which an attempt resumed the training.
          draw: [(plot) => {
            const marks = new Set(this.series.flatMap((s) => s.resumed || []));
            const { ctx, bbox } = plot;
            ctx.save();
            ctx.strokeStyle = css('--mute');
            ctx.setLineDash([2, 4]);
            for (const step of marks) {
              const x = Math.round(plot.valToPos(step, 'x', true));
              if (x < bbox.left || x > bbox.left + bbox.width) continue;
              ctx.beginPath();
              ctx.moveTo(x, bbox.top);
              ctx.lineTo(x, bbox.top + bbox.height);
              ctx.stroke();
            }
            ctx.restore();
          }],
          setScale: [(plot, key) => key === 'x' && this.zoomed(plot)],
          setSeries: [(plot, at, how) => at != null && how.show != null && this.hidden[how.show ? 'delete' : 'add'](plot.series[at].label)],
        },
      }, this.columns(), this.place);
      this.plot.over.addEventListener('dblclick', () => drawn.forEach((chart) => chart.step === this.step && chart.all()));
      if (this.zoom) this.plot.setScale('x', { min: this.zoom[0], max: this.zoom[1] });
    }

    // Back to the whole range, which may have to be fetched again.
    all() {
      if (!this.loaded && !this.zoom) return;
      this.back = true;
      clearTimeout(this.waits);
      this.zoom = null;
      this.load().catch(() => {});
    }

    // Thinned curves are fetched again for the visible range.
    zoomed(plot) {
      if (this.back || plot !== this.plot) return;
      clearTimeout(this.waits);
      const { min, max } = plot.scales.x;
      const all = min <= this.full[0] && max >= this.full[1];
      this.zoom = all ? null : [min, max];
      this.waits = setTimeout(() => {
        const range = all || this.step !== 'step' ? null : [Math.floor(min), Math.ceil(max)];
        if (String(range) === String(this.loaded)) return;
        const inside = !this.loaded || (range && range[0] >= this.loaded[0] && range[1] <= this.loaded[1]);
        if (range && inside && this.series.every((s) => s.whole)) return;
        this.load(range).catch(() => {});
      }, 150);
    }

    end() {
      this.wide.disconnect();
      if (this.plot) this.plot.destroy();
    }
  }

  // Draws the charts that are visible, and forgets those that have left the page.
  function find() {
    for (const [figure, chart] of drawn) {
      if (!figure.isConnected) {
        chart.end();
        drawn.delete(figure);
      }
    }
    for (const figure of document.querySelectorAll('figure[data-curves]')) {
      if (!drawn.has(figure) && !figure.closest('details:not([open])')) drawn.set(figure, new Chart(figure));
    }
  }

  const redraw = () => drawn.forEach((chart) => chart.draw());

  // Smoothing and the axis are part of the address, so that a link shows the same.
  function tools() {
    const state = new URLSearchParams(location.search);
    look.smooth = Math.min(0.99, Number(state.get('smooth')) || 0);
    look.log = state.get('log') === '1';
    for (const form of document.querySelectorAll('form[data-tools]')) {
      form.elements.smooth.value = look.smooth;
      form.elements.log.checked = look.log;
      form.addEventListener('submit', (event) => event.preventDefault());
      form.addEventListener('input', () => {
        look.smooth = Number(form.elements.smooth.value);
        look.log = form.elements.log.checked;
        const address = new URL(location.href);
        for (const [name, value] of [['smooth', look.smooth || ''], ['log', look.log ? '1' : '']]) {
          if (value) address.searchParams.set(name, value);
          else address.searchParams.delete(name);
        }
        history.replaceState(null, '', address);
        redraw();
      });
    }
  }

  dark.addEventListener('change', redraw);
  document.addEventListener('toggle', find, true);
  return { find, tools, update: () => Promise.allSettled([...drawn.values()].map((chart) => chart.update())) };
})();
