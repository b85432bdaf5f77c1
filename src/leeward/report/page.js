"use strict";
(() => {
  const DAY = 86400000;
  const LENGTHS = [1, 3, 5, 15, 30, 60, 120, 240, 480, 720, 1440, 2880, 4320, 10080, 20160, 40320]
    .map((minutes) => minutes * 60000);
  const MOST_MARKS = 600; // trades in view; above it their marks would hide the candles
  const MOST_LINES = 150;
  const data = JSON.parse(document.getElementById("report-data").textContent);
  const styles = () => getComputedStyle(document.documentElement);
  const painters = [];

  // ---------------------------------------------------------------- numbers and times
  const unpack = (text, Type) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    return new Type(bytes.buffer);
  };
  const minus = (text) => text.replace("-", "−");
  const number = (value, digits = 2) => value === null || Number.isNaN(value) ? "n/a" : minus(
    value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  const price = (value) => {
    if (value === null || Number.isNaN(value)) return "–";
    const digits = Math.max(2, Math.min(8, 5 - Math.floor(Math.log10(Math.max(value, 1e-9)))));
    return value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: digits });
  };
  const signed = (value, digits = 2) => (value > 0 ? "+" : "") + number(value, digits);
  const percent = (value, digits = 2) => `${signed(value * 100, digits)} %`;
  const time = (ms) => new Date(ms).toISOString().slice(0, 16).replace("T", " ");
  const span = (ms) => {
    for (const [unit, name] of [[7 * DAY, "week"], [DAY, "day"], [3600000, "hour"], [60000, "minute"]]) {
      if (ms >= unit && ms % unit === 0) return `${ms / unit}-${name}`;
    }
    return `${ms / 1000}-second`;
  };
  const lowerBound = (sorted, value) => {
    let low = 0, high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle] < value) low = middle + 1; else high = middle;
    }
    return low;
  };
  const lookup = (column, row) => column.code ? column.names[column.code[row]] : column[row];

  // ---------------------------------------------------------------- figures
  const embed = async (item, host) => {
    const view = await Bokeh.embed.embed_item(item, host);
    const known = Bokeh.documents[Bokeh.documents.length - 1];
    allowScrolling(host);
    return { view, model: (name) => known.get_model_by_name(name) };
  };
  // A finger may move the chart sideways and still scroll the page up and down.
  const allowScrolling = (node) => {
    for (const child of node.querySelectorAll("*")) {
      if (child.classList.contains("bk-events")) child.style.touchAction = "pan-y";
      if (child.shadowRoot) allowScrolling(child.shadowRoot);
    }
  };
  const paintFigure = (figure) => {
    const css = styles(), color = (name) => css.getPropertyValue(name).trim();
    for (const axis of [...figure.below, ...figure.right]) axis.major_label_text_color = color("--quiet");
    figure.border_fill_color = figure.background_fill_color = color("--card");
    for (const grid of figure.center) if (grid.grid_line_color !== null) grid.grid_line_color = color("--grid");
    for (const tool of figure.toolbar.tools) if (tool.overlay) tool.overlay.line_color = color("--quiet");
  };
  const paintGlyph = (renderer, line, fill = line) => {
    const color = (name) => styles().getPropertyValue(name).trim();
    if (renderer.glyph.properties.line_color) renderer.glyph.line_color = { value: color(line) };
    if (renderer.glyph.properties.fill_color) renderer.glyph.fill_color = { value: color(fill) };
  };
  const onPaint = (paint) => { painters.push(paint); paint(); };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => painters.forEach((paint) => paint()));

  const onFrame = (work) => {
    let waiting = false;
    return () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; work(); });
    };
  };
  const keepInside = (range, first, last, shortest) => {
    const pad = (last - first) * 0.01;
    range.setv({ start: first - pad, end: last + pad });
    range.bounds = [first - pad, last + pad];
    range.min_interval = Math.min(shortest, last - first);
  };
  const spaceTicks = (figure, host) => {
    const many = Math.max(2, Math.min(8, Math.floor(host.clientWidth / 110)));
    figure.below[0].ticker.desired_num_ticks = many;
  };
  // Round numbers an even way apart: on a wide logarithmic scale by factors, else by steps.
  const logTicks = (low, high) => {
    const ticks = [], wide = high / low;
    if (wide < 3) {
      const rough = (high - low) / 5, unit = 10 ** Math.floor(Math.log10(rough));
      const step = [1, 2, 2.5, 5, 10].map((one) => one * unit).find((one) => one >= rough);
      for (let tick = Math.ceil(low / step) * step; tick <= high; tick += step) ticks.push(tick);
      return ticks;
    }
    const shares = wide > 200 ? [1] : wide > 12 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 6, 8];
    for (let unit = 10 ** Math.floor(Math.log10(low)); unit <= high; unit *= 10) {
      for (const share of shares) if (share * unit >= low && share * unit <= high) ticks.push(share * unit);
    }
    return ticks;
  };
  const fitHeight = (figure, low, high) => {
    if (!(high >= low) || !Number.isFinite(low + high)) return;
    const range = figure.y_range;
    if (isLog(figure)) {
      const pad = Math.max(Math.log(high / low) * 0.06, 1e-4);
      const [start, end] = [low * Math.exp(-pad), high * Math.exp(pad)];
      figure.right[0].ticker.ticks = logTicks(start, end);
      range.setv({ start, end });
    } else {
      const pad = Math.max((high - low) * 0.06, Math.abs(high) * 1e-4, 1e-12);
      range.setv({ start: low - pad, end: high + pad });
    }
  };
  const isLog = (figure) => figure.y_scale.type === "LogScale";

  // ---------------------------------------------------------------- equity, drawdown, overview
  const drawCurves = async (card, plot, item, lines, drawdown) => {
    const drawn = await embed(item, plot);
    const figure = drawn.model("curves"), below = drawn.model("below"), range = figure.x_range;
    for (const line of lines) drawn.model(`${line.name} data`).data = { x: line.x, y: line.y };
    if (drawdown) {
      drawn.model("drawdown data").data = { x: drawdown.x, y: drawdown.y };
      fitHeight(below, Math.min(-0.01, ...drawdown.y), 0);
    }
    const all = lines[0].x;
    keepInside(range, all[0], all[all.length - 1], 3 * DAY);
    const fit = onFrame(() => {
      spaceTicks(below || figure, plot);
      let low = Infinity, high = -Infinity;
      for (const line of lines) {
        if (line.hidden) continue;
        const last = Math.min(line.x.length, lowerBound(line.x, range.end) + 1);
        for (let i = Math.max(0, lowerBound(line.x, range.start) - 1); i < last; i++) {
          low = Math.min(low, line.y[i]); high = Math.max(high, line.y[i]);
        }
      }
      fitHeight(figure, low, high);
    });
    range.connect(range.change, fit);
    new ResizeObserver(fit).observe(plot);
    for (const button of card.querySelectorAll("[data-line]")) {
      const line = lines.find((one) => one.name === button.dataset.line);
      if (!line) { button.hidden = true; continue; }
      button.addEventListener("click", () => {
        line.hidden = !line.hidden;
        drawn.model(line.name).visible = !line.hidden;
        button.setAttribute("aria-pressed", String(!line.hidden));
        fit();
      });
    }
    const readout = card.querySelector(".readout");
    const read = (event) => {
      const parts = [time(Math.max(all[0], Math.min(event.x, all[all.length - 1])))];
      for (const line of lines) {
        const i = Math.min(line.x.length - 1, lowerBound(line.x, event.x));
        parts.push(`${line.label} ${number(line.y[i])}`);
      }
      if (drawdown) parts.push(`Drawdown ${number(drawdown.y[Math.min(drawdown.x.length - 1, lowerBound(drawdown.x, event.x))] * 100, 1)} %`);
      say(readout, parts);
    };
    for (const chart of [figure, below]) if (chart) for (const kind of ["mousemove", "tap"]) chart.on_event(kind, read);
    onPaint(() => {
      for (const chart of [figure, below]) if (chart) paintFigure(chart);
      for (const line of lines) paintGlyph(drawn.model(line.name), line.color);
      if (drawdown) for (const name of ["drawdown", "drawdown line"]) paintGlyph(drawn.model(name), "--loss");
    });
    plot.dataset.ready = "true";
  };
  const say = (readout, parts) => {
    readout.replaceChildren(...parts.map((part) => {
      const piece = document.createElement("b");
      piece.textContent = part;
      return piece;
    }));
  };
  const curvesOf = (equity) => {
    const x = unpack(equity.days, Float64Array).map((days) => days * DAY);
    const curve = (name) => equity[name] === undefined ? null : Float64Array.from(unpack(equity[name], Float32Array));
    return { x, equity: curve("equity"), hold: curve("hold"), drawdown: curve("drawdown") };
  };

  // ---------------------------------------------------------------- price
  const candlesOf = (key) => {
    const packed = data.candles[key];
    if (packed.close instanceof Float32Array) return packed;
    packed.time = Float64Array.from(unpack(packed.time, Int32Array), (step) => packed.origin + step * packed.step);
    for (const name of ["open", "high", "low", "close"]) packed[name] = unpack(packed[name], Float32Array);
    return packed;
  };
  // Merges the rows in view into candles of `length`: first open, highest, lowest, last close.
  const merge = (candles, first, last, length) => {
    const merged = [];
    let current = null, bucket = NaN;
    for (let i = first; i < last; i++) {
      const start = length === candles.length ? candles.time[i] : Math.floor(candles.time[i] / length) * length;
      if (start !== bucket) {
        bucket = start;
        current = { start, open: candles.open[i], high: -Infinity, low: Infinity, close: 0, row: i };
        merged.push(current);
      }
      if (candles.high[i] > current.high) current.high = candles.high[i];
      if (candles.low[i] < current.low) current.low = candles.low[i];
      current.close = candles.close[i];
      current.row = i;
    }
    return merged;
  };

  const drawPrice = async (card, result) => {
    const plot = card.querySelector(".plot");
    const drawn = await embed(result.price, plot);
    const figure = drawn.model("price"), range = figure.x_range, trades = result.trades;
    const readout = card.querySelector(".readout"), shown = card.querySelector(".shown");
    const picker = card.querySelector(".symbol");
    let candles, overlays, rows, seen = [];

    const choose = (index) => {
      candles = candlesOf(result.candles[index]);
      overlays = Object.entries(result.overlays[index] || {}).map(([name, packed]) => ({ name, values: unpack(packed, Float32Array) }));
      rows = [];
      for (let row = 0; row < trades.pnl.length; row++) {
        if (lookup(trades.symbol, row) === candles.symbol) rows.push(row);
      }
      const n = candles.time.length;
      keepInside(range, candles.time[0], candles.time[n - 1] + candles.length, 12 * candles.length);
      legend();
      readout.replaceChildren();
      showSome();
      draw();
    };
    // Opens on the shortest time before the last sale that holds a handful of trades.
    const showSome = () => {
      if (rows.length < 8) return;
      const end = trades.exit_time[rows[rows.length - 1]], start = trades.entry_time[rows[rows.length - 8]];
      const days = [7, 30, 91, 365].find((some) => some * DAY >= end - start);
      if (days) move(end - days * DAY * 0.97, end + days * DAY * 0.03);
    };
    const draw = () => {
      spaceTicks(figure, plot);
      const first = Math.max(0, lowerBound(candles.time, range.start) - 1);
      const last = lowerBound(candles.time, range.end);
      const width = figure.inner_width || plot.clientWidth || 800;
      const wanted = (range.end - range.start) / (width / 3);
      const length = LENGTHS.find((one) => one >= wanted && one >= candles.length) || Math.max(candles.length, LENGTHS[LENGTHS.length - 1]);
      seen = merge(candles, first, last, length);
      for (const [side, keep] of [["up", (c) => c.close >= c.open], ["down", (c) => c.close < c.open]]) {
        const some = seen.filter(keep), column = (name) => some.map((c) => c[name]);
        drawn.model(`${side} data`).data = {
          x: some.map((c) => c.start + length / 2), width: some.map(() => length * 0.72),
          open: column("open"), high: column("high"), low: column("low"), close: column("close"),
        };
      }
      const lines = { x: seen.map((c) => c.start + length / 2) };
      for (let i = 0; i < 6; i++) lines[`y${i}`] = seen.map((c) => overlays[i] ? overlays[i].values[c.row] : NaN);
      drawn.model("overlay data").data = lines;
      const levels = drawTrades();
      let low = Infinity, high = -Infinity;
      for (const candle of seen) { low = Math.min(low, candle.low); high = Math.max(high, candle.high); }
      // Stops and targets may stretch the scale, but not squeeze the candles out of sight.
      const room = (high - low) * 0.4;
      for (const level of levels) {
        if (level < low && level > low - room) low = level;
        if (level > high && level < high + room) high = level;
      }
      fitHeight(figure, low, high);
      const digits = Math.max(0, Math.min(8, 5 - Math.ceil(Math.log10(high))));
      figure.right[0].formatter.format = digits ? `0,0.[${"0".repeat(digits)}]` : "0,0";
      tell(length);
    };
    const drawTrades = () => {
      const inView = rows.filter((row) => trades.exit_time[row] >= range.start && trades.entry_time[row] <= range.end);
      const marks = inView.length <= MOST_MARKS ? inView : [], lines = inView.length <= MOST_LINES ? inView : [];
      for (const [outcome, keep] of [["won", (row) => trades.pnl[row] > 0], ["lost", (row) => !(trades.pnl[row] > 0)]]) {
        drawn.model(`${outcome} marks`).data = columns(marks.filter(keep));
        drawn.model(`${outcome} lines`).data = columns(lines.filter(keep));
      }
      const size = inView.length <= 60 ? 10 : inView.length <= 240 ? 6 : 4;
      for (const mark of ["won entry", "won exit", "lost entry", "lost exit"]) {
        drawn.model(mark).glyph.setv({ size: { value: size }, line_width: { value: size > 6 ? 1 : 0 } });
      }
      plot.dataset.trades = String(inView.length);
      return lines.flatMap((row) => [trades.stop[row], trades.target[row]]).filter((level) => level !== null);
    };
    const inside = new Set(["stop", "target"]); // fills inside the candle, not at its open
    const columns = (chosen) => {
      const values = (name) => chosen.map((row) => trades[name][row] === null ? NaN : trades[name][row]);
      const late = (row) => inside.has(lookup(trades.exit_reason, row)) ? candles.source / 2
        : lookup(trades.exit_reason, row) === "end_of_data" ? candles.source : 0;
      const raised = chosen.map((row) => trades.last_stop[row] === trades.stop[row] || trades.last_stop[row] === null ? NaN : trades.last_stop[row]);
      return {
        x0: values("entry_time"), x1: chosen.map((row) => trades.exit_time[row] + late(row)),
        entry: values("entry_price"), exit: values("exit_price"), stop: values("stop"),
        last_stop: raised, target: values("target"),
      };
    };
    const tell = (length) => {
      const parts = [];
      const finest = candles.length > candles.source
        ? `${span(candles.length)} candles, merged from ${candles.source_rows.toLocaleString("en-US")} ${span(candles.source)} candles to keep this file small`
        : `${span(candles.length)} candles`;
      parts.push(length > candles.length ? `Drawn as ${span(length)} candles; zoom in for ${finest}.` : `Drawn as ${finest}.`);
      const count = Number(plot.dataset.trades);
      if (count > MOST_MARKS) parts.push(`${count.toLocaleString("en-US")} trades in view; zoom in to see them.`);
      else if (count > MOST_LINES) parts.push(`${count} trades in view; zoom in for their stops and targets.`);
      if (data.overlays_left_out) parts.push("Indicators are left out to keep this file small.");
      shown.textContent = parts.join(" ");
      plot.dataset.length = String(length);
      plot.dataset.candles = String(seen.length);
    };
    const legend = () => {
      const entries = [["Bought", "--accent"], ["Sold with profit", "--gain"], ["Sold with loss", "--loss"], ["Stop", "--stop"], ["Target", "--target"],
        ...overlays.map((overlay, i) => [overlay.name, `--overlay-${i}`])];
      card.querySelector(".legend").replaceChildren(...entries.map(([text, color]) => {
        const piece = document.createElement("span");
        piece.textContent = text;
        piece.style.setProperty("--swatch", `var(${color})`);
        return piece;
      }));
    };
    const read = (event) => {
      const i = seen.findIndex((candle, k) => event.x >= candle.start && (k + 1 === seen.length || event.x < seen[k + 1].start));
      if (i < 0) return;
      const candle = seen[i];
      const parts = [time(candle.start), `Open ${price(candle.open)}`, `High ${price(candle.high)}`,
        `Low ${price(candle.low)}`, `Close ${price(candle.close)}`, percent(candle.close / candle.open - 1)];
      for (const overlay of overlays) parts.push(`${overlay.name} ${price(overlay.values[candle.row])}`);
      const held = rows.find((row) => trades.entry_time[row] <= event.x && event.x <= trades.exit_time[row] + candles.source);
      say(readout, held === undefined ? parts : [...parts, tradeWords(held)]);
    };
    const tradeWords = (row) => `Trade ${row + 1}: ${price(trades.entry_price[row])} to ${price(trades.exit_price[row])}, `
      + `${percent(trades.return_fraction[row])}, ${lookup(trades.exit_reason, row)}`;
    const move = (start, end) => {
      const [low, high] = range.bounds, size = Math.min(end - start, high - low);
      const from = Math.max(low, Math.min(start, high - size));
      range.setv({ start: from, end: from + size });
    };
    card.addEventListener("click", (event) => {
      const asked = event.target.dataset, size = range.end - range.start, middle = range.start + size / 2;
      if (asked.span === "all") move(...range.bounds);
      else if (asked.span) move(Math.min(range.end, range.bounds[1]) - asked.span * DAY, Math.min(range.end, range.bounds[1]));
      else if (asked.move === "2" || asked.move === "0.5x") {
        const next = Math.max(size * parseFloat(asked.move), range.min_interval);
        move(middle - next / 2, middle + next / 2);
      } else if (asked.move) move(range.start + size * asked.move, range.end + size * asked.move);
    });
    if (picker) picker.addEventListener("change", () => choose(Number(picker.value)));
    range.connect(range.change, onFrame(draw));
    for (const kind of ["mousemove", "tap"]) figure.on_event(kind, read);
    new ResizeObserver(onFrame(draw)).observe(plot);
    onPaint(() => {
      paintFigure(figure);
      for (const side of ["up", "down"]) for (const part of ["", " wick"]) paintGlyph(drawn.model(side + part), `--${side}`);
      for (let i = 0; i < 6; i++) paintGlyph(drawn.model(`overlay ${i}`), `--overlay-${i}`);
      for (const [outcome, color] of [["won", "--gain"], ["lost", "--loss"]]) {
        paintGlyph(drawn.model(`${outcome} held`), color);
        paintGlyph(drawn.model(`${outcome} entry`), "--card", "--accent");
        paintGlyph(drawn.model(`${outcome} exit`), "--card", color);
        for (const level of ["stop", "last_stop"]) paintGlyph(drawn.model(`${outcome} ${level}`), "--stop");
        paintGlyph(drawn.model(`${outcome} target`), "--target");
      }
    });
    choose(0);
    plot.dataset.ready = "true";
    return (row) => {
      const index = result.candles.findIndex((key) => data.candles[key].symbol === lookup(trades.symbol, row));
      if (picker && Number(picker.value) !== index) { picker.value = String(index); choose(index); }
      const start = trades.entry_time[row], end = trades.exit_time[row] + candles.source;
      const around = Math.max((end - start) * 0.8, 30 * candles.length);
      move(start - around, end + around);
      say(readout, [time(start), tradeWords(row)]);
      card.scrollIntoView({ block: "start" });
    };
  };

  // ---------------------------------------------------------------- trades
  const COLUMNS = [
    ["#", null, (t, row) => row + 1],
    ["Symbol", "symbol"],
    ["Entry", "entry_time", time],
    ["Exit", "exit_time", time],
    ["Return", "return_fraction", percent],
    ["Profit", "pnl", signed],
    ["Exit reason", "exit_reason"],
    ["Entry tag", "entry_tag"],
    ["Candles", "candles", (value) => value.toLocaleString("en-US")],
    ["Entry price", "entry_price", price],
    ["Exit price", "exit_price", price],
    ["Quantity", "quantity", (value) => value.toLocaleString("en-US", { maximumFractionDigits: 8 })],
    ["Stop", "stop", price],
    ["Target", "target", price],
    ["Worst", "mae_fraction", (value) => `${number(-value * 100)} %`],
    ["Best", "mfe_fraction", (value) => `+${number(value * 100)} %`],
    ["Fees", "fees", number],
    ["Exit tag", "exit_tag"],
  ];
  const drawTable = (card, result, focus) => {
    const trades = result.trades, table = card.querySelector("table"), count = trades.pnl.length;
    const many = (column) => column.names && (column.names.length > 1 || column.names[0] !== "");
    const columns = COLUMNS.filter(([, key]) => !key || !trades[key].names || many(trades[key]));
    const isText = (key) => Boolean(key && trades[key].names);
    const more = card.querySelector(".more");
    let order = [...Array(count).keys()], limit = 25, sorted = { column: 0, descending: false };
    const head = table.createTHead().insertRow();
    columns.forEach(([name, key], index) => {
      const cell = document.createElement("th"), button = document.createElement("button");
      cell.scope = "col";
      button.type = "button";
      button.textContent = name;
      if (!isText(key)) cell.className = "number";
      button.addEventListener("click", () => {
        const descending = sorted.column === index ? !sorted.descending : Boolean(key) && !isText(key) && !key.endsWith("time");
        sorted = { column: index, descending };
        sort();
      });
      cell.append(button);
      head.append(cell);
    });
    const body = table.createTBody();
    const sort = () => {
      const key = columns[sorted.column][1], side = sorted.descending ? -1 : 1;
      const value = (row) => key ? lookup(trades[key], row) : row;
      const compare = isText(key) ? (a, b) => value(a).localeCompare(value(b)) : (a, b) => {
        const [x, y] = [value(a), value(b)];
        if (x === null || y === null) return (x === null) - (y === null);
        return (x - y) * side;
      };
      order.sort((a, b) => (isText(key) ? compare(a, b) * side : compare(a, b)) || a - b);
      [...head.children].forEach((cell, index) => {
        if (index === sorted.column) cell.setAttribute("aria-sort", sorted.descending ? "descending" : "ascending");
        else cell.removeAttribute("aria-sort");
      });
      fill();
    };
    const fill = () => {
      body.replaceChildren(...order.slice(0, limit).map((row) => {
        const line = document.createElement("tr");
        for (const [, key, write] of columns) {
          const cell = line.insertCell(), raw = key ? lookup(trades[key], row) : row;
          if (!isText(key)) cell.className = "number";
          if (key === null) {
            const button = document.createElement("button");
            button.type = "button";
            button.textContent = String(row + 1);
            button.title = "Show in the chart";
            button.addEventListener("click", () => focus(row));
            cell.append(button);
          } else {
            cell.textContent = raw === null ? "–" : write ? write(raw) : raw;
            if (key === "pnl" || key === "return_fraction") cell.classList.add(raw < 0 ? "loss" : "gain");
          }
        }
        return line;
      }));
      const left = count - Math.min(limit, count);
      more.replaceChildren();
      if (!left) return;
      const note = document.createElement("span"), button = document.createElement("button");
      note.className = "quiet";
      note.textContent = `${Math.min(limit, count)} of ${count.toLocaleString("en-US")}`;
      button.type = "button";
      button.textContent = `Show ${Math.min(200, left)} more`;
      button.addEventListener("click", () => { limit += 200; fill(); });
      more.append(button, note);
    };
    sort();
  };

  // ---------------------------------------------------------------- page
  const draw = async (view) => {
    if (view.dataset.drawn) return;
    view.dataset.drawn = "true";
    const result = data.results[Number(view.dataset.result)];
    const { x, equity, hold, drawdown } = curvesOf(result.equity);
    const lines = [{ name: "equity", label: "Strategy", color: "--accent", x, y: equity }];
    if (hold) lines.unshift({ name: "hold", label: "Buy and hold", color: "--hold", x, y: hold });
    const curves = view.querySelector(".plot.curves"), chart = view.querySelector(".plot.price");
    await drawCurves(curves.closest(".card"), curves, result.curves, lines, { x, y: drawdown });
    const focus = await drawPrice(chart.closest(".card"), result);
    const table = view.querySelector(".trades");
    if (table) drawTable(table.closest(".card"), result, focus);
  };
  const drawOverview = async (card) => {
    const curves = data.results.map((result) => curvesOf(result.equity));
    const lines = curves.map(({ x, equity }, i) => (
      { name: `series ${i}`, label: data.results[i].name, color: `--series-${i % 6}`, x, y: equity }));
    if (curves[0].hold) lines.push({ name: "hold", label: "Buy and hold", color: "--hold", x: curves[0].x, y: curves[0].hold });
    await drawCurves(card, card.querySelector(".plot"), data.overview, lines, null);
  };
  const views = [...document.querySelectorAll(".result")];
  const tabs = [...document.querySelectorAll("[data-tab]")];
  const show = (index) => {
    views.forEach((view, i) => { view.hidden = i !== index; });
    tabs.forEach((tab, i) => tab.setAttribute("aria-selected", String(i === index)));
    return draw(views[index]);
  };
  tabs.forEach((tab, i) => tab.addEventListener("click", () => show(i)));
  const start = async () => {
    const overview = document.getElementById("overview");
    if (overview) await drawOverview(overview);
    await show(0);
    document.documentElement.dataset.ready = "true";
  };
  start();
})();
