// A chart whose colours are the page's: options name them as var(--name), and follow the theme.
import { echarts } from "nicegui-echart";

const probe = document.createElement("span");
probe.hidden = true;
const color = (name) => {
  if (!probe.isConnected) document.body.append(probe);
  probe.style.color = name;
  return getComputedStyle(probe).color;
};
const number = (value, digits) => value === null || value === undefined ? "none"
  : value.toLocaleString("en-US", { maximumFractionDigits: digits, minimumFractionDigits: Math.min(2, digits) })
    .replace("-", "−");
const price = (value) => {
  const size = Math.abs(value || 1);
  return number(value, Math.max(2, Math.min(8, 5 - Math.floor(Math.log10(size)))));
};
const FORMATS = {
  price, money: (value) => number(value, 2), percent: (value) => `${number(value * 100, 2)} %`,
  count: (value) => number(value, 0),
};
const short = (ms) => window.leewardWords(Number(ms), false)[0].slice(5);
const full = (ms) => window.leewardWords(Number(ms), false).join(" / ").replace(" / UTC", " UTC");

const resolve = (value) => {
  if (typeof value === "string") return value.startsWith("var(") ? color(value) : value;
  if (Array.isArray(value)) return value.length > 64 ? value : value.map(resolve);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolve(item)]));
};

// Labels of an axis or of a tooltip are named by a word; the functions live here.
const dress = (options) => {
  for (const axis of [options.xAxis, options.yAxis].flat()) {
    if (!axis) continue;
    const kind = axis.labels;
    if (kind === "time") axis.axisLabel = { ...axis.axisLabel, formatter: short };
    else if (kind) axis.axisLabel = { ...axis.axisLabel, formatter: FORMATS[kind] };
  }
  if (options.tooltip) {
    options.tooltip.formatter = (given) => tooltip([given].flat());
    options.tooltip.confine = true;
  }
  return options;
};

const row = (name, value, mark) => {
  const line = document.createElement("div"), label = document.createElement("span");
  const figure = document.createElement("b");
  line.style.cssText = "display:flex;justify-content:space-between;gap:18px";
  label.textContent = name;
  if (mark) {
    const dot = document.createElement("i");
    dot.style.cssText = `display:inline-block;width:8px;height:8px;border-radius:9px;margin-right:6px;background:${mark}`;
    label.prepend(dot);
  }
  figure.textContent = value;
  line.append(label, figure);
  return line;
};

const tooltip = (points) => {
  const box = document.createElement("div");
  const first = points[0];
  const head = document.createElement("div");
  const at = first.axisValue ?? first.name;
  head.textContent = /^\d{12,}$/.test(String(at)) ? full(at) : String(at);
  head.style.cssText = "margin-bottom:4px;font-weight:600";
  box.append(head);
  for (const point of points) {
    const format = FORMATS[point.seriesId?.split("|")[1]] || price;
    if (point.seriesType === "candlestick") {
      const [, open, close, low, high] = point.value;
      box.append(row("open", price(open)), row("high", price(high)), row("low", price(low)), row("close", price(close)));
      continue;
    }
    if (point.seriesName.startsWith("_")) continue;
    const told = point.data?.told;
    const raw = point.data?.shown ?? (Array.isArray(point.value) ? point.value[1] : point.value);
    if (raw === null || raw === undefined || Number.isNaN(raw)) continue;
    box.append(row(point.seriesName, told || format(Number(raw)), point.color));
  }
  return box;
};

export default {
  template: '<div role="img" :aria-label="label"></div>',
  props: { options: Object, label: String },
  mounted() {
    this.columns = null;
    this.chart = echarts.init(this.$el, null, { renderer: "canvas" });
    this.repaint = () => this.draw();
    window.addEventListener("leeward-theme", this.repaint);
    this.watcher = new ResizeObserver(() => this.chart.resize());
    this.watcher.observe(this.$el);
    this.chart.on("datazoom", () => {
      this.fitting ||= requestAnimationFrame(() => { this.fitting = 0; this.fit(); });
    });
    this.draw();
  },
  beforeUnmount() {
    window.removeEventListener("leeward-theme", this.repaint);
    this.watcher.disconnect();
    this.chart.dispose();
  },
  watch: { options() { this.draw(); } },
  methods: {
    draw() {
      const kept = this.chart.getOption()?.dataZoom?.map(({ startValue, endValue }) => ({ startValue, endValue }));
      const options = dress(resolve(structuredClone(Vue.toRaw(this.options))));
      if (this.columns) this.fill(options);
      this.chart.setOption(options, { notMerge: true });
      // Where the viewer looks stays, but that the newest stays in view for who looks at it.
      if (kept && this.shown !== undefined) this.look(kept, options);
      this.fit();
      this.shown = this.columns?.time.length;
      this.$el.dataset.rows = String(this.shown ?? 0);
    },
    look(kept, options) {
      const moved = (this.columns?.time.length ?? 0) - this.shown;
      const follows = kept[0]?.endValue >= this.shown - 1;
      this.chart.dispatchAction({ type: "dataZoom", batch: kept.slice(0, (options.dataZoom || []).length).map(
        (zoom, place) => ({ dataZoomIndex: place, startValue: zoom.startValue + (follows ? moved : 0), endValue: zoom.endValue + (follows ? moved : 0) }),
      ) });
    },
    // The price axis spans the candles in view, and stops and targets that are not far from them:
    // one that is would press the candles flat.
    fit() {
      const rows = this.columns, zoom = this.chart.getOption()?.dataZoom?.[0];
      if (!rows?.low || !zoom || !rows.time.length) return;
      const start = Math.max(0, zoom.startValue ?? 0);
      const end = Math.min(rows.time.length - 1, zoom.endValue ?? rows.time.length - 1);
      let low = Infinity, high = -Infinity;
      for (let i = start; i <= end; i++) {
        if (rows.low[i] !== null && rows.low[i] < low) low = rows.low[i];
        if (rows.high[i] !== null && rows.high[i] > high) high = rows.high[i];
      }
      if (!(high >= low)) return;
      const near = Math.max(high - low, high * 0.002), reach = [low - 0.6 * near, high + 0.6 * near];
      for (const name of ["stop", "target"]) {
        for (let i = start; i <= end; i++) {
          const value = rows[name]?.[i];
          if (value === null || value === undefined || value < reach[0] || value > reach[1]) continue;
          low = Math.min(low, value);
          high = Math.max(high, value);
        }
      }
      const rim = 0.06 * Math.max(high - low, high * 0.002);
      this.chart.setOption({ yAxis: [{ min: low - rim, max: high + rim }] }, { lazyUpdate: true });
    },
    // Rows by column; `first` is the row at which they begin: what was there from it on is replaced.
    load(text, first) {
      const columns = JSON.parse(text);
      if (!this.columns || first === 0) this.columns = columns;
      else for (const [name, values] of Object.entries(columns)) {
        const held = (this.columns[name] ||= new Array(first).fill(null));
        held.length = first;
        for (const value of values) held.push(value);
      }
      this.draw();
    },
    fill(options) {
      const rows = this.columns;
      for (const axis of [options.xAxis].flat()) axis.data = rows.time;
      for (const series of options.series) {
        const wanted = series.columns;
        delete series.columns;
        if (!wanted) continue;
        const found = wanted.map((name) => rows[name] || []);
        if (series.type === "candlestick" || series.marks) {
          series.data = rows.time.map((_, place) => found.map((column) => column[place] ?? null));
          if (series.marks) series.data = this.marks(series, found[0], rows);
        } else {
          series.data = rows.time.map((_, place) => found[0][place] ?? null);
        }
      }
    },
    marks(series, prices, rows) {
      const told = rows[series.marks] || [], data = [];
      prices.forEach((value, place) => {
        if (value !== null && value !== undefined) data.push({ value: [place, value], told: told[place] });
      });
      return data;
    },
    zoom(rows) {
      const last = (this.columns?.time.length ?? 1) - 1;
      this.chart.dispatchAction({ type: "dataZoom", startValue: rows ? Math.max(0, last - rows + 1) : 0, endValue: last });
    },
  },
};
