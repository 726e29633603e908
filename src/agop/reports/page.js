"use strict";
(() => {
  const report = JSON.parse(document.getElementById("report-data").textContent);
  const root = document.documentElement;
  const touch = matchMedia("(pointer: coarse)").matches;
  const isLeaf = (chart) => chart.kind !== "Choice";

  // ---- Numbers -------------------------------------------------------------------------------------------------

  /** Rows of numbers, or of [red, green, blue], from 16-bit whole numbers in base64. */
  function unpack({ shape: [height, width, channels = 1], unit, data }) {
    const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
    const whole = new DataView(bytes.buffer);
    const value = (place) => whole.getInt16(2 * place, true) * unit;
    const cell = (place) => (channels === 1 ? value(place) : [0, 1, 2].map((c) => value(place * channels + c)));
    return Array.from({ length: height }, (_, i) => Array.from({ length: width }, (_, j) => cell(i * width + j)));
  }

  /** The numbers of a chart as flat rows: one a point, bar, cell or pixel. */
  function rowsOf(chart) {
    const tables = {
      Choice: () => Object.entries(chart.charts).flatMap(([name, part]) =>
        rowsOf(part).map((row) => ({ [chart.label]: name, ...row }))),
      Curves: () => chart.curves.flatMap((curve) => curve.x.map((x, i) => ({
        curve: curve.name, [chart.x_title]: x, [chart.y_title]: curve.y[i],
        ...(curve.low ? { low: curve.low[i], high: curve.high[i] } : {}),
      }))),
      Bars: () => chart.series.flatMap((series) => chart.categories.map((category, i) => ({
        series: series.name, category, [chart.x_title]: series.values[i],
      }))),
      HeatMap: () => chart.y.flatMap((y, i) => chart.x.map((x, j) => ({
        [chart.y_title || "row"]: y, [chart.x_title || "column"]: x, [chart.title]: chart.values[i][j],
      }))),
      Pictures: () => chart.pictures.flatMap((picture) => unpack(picture.values).flatMap((row, i) =>
        row.map((value, j) => ({
          picture: picture.title, row: i + 1, column: j + 1,
          ...(Array.isArray(value)
            ? { red: value[0], green: value[1], blue: value[2] }
            : { [chart.title]: value }),
        })))),
    };
    return tables[chart.kind]();
  }

  const columnsOf = (rows) => [...new Set(rows.slice(0, 1000).flatMap((row) => Object.keys(row)))];

  function csv(rows) {
    const columns = columnsOf(rows);
    const cell = (value) => {
      const text = value === null || value === undefined ? "" : String(value);
      return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };
    return [columns, ...rows.map((row) => columns.map((column) => row[column]))]
      .map((cells) => cells.map(cell).join(",")).join("\r\n") + "\r\n";
  }

  const short = (value) => typeof value === "number" ? String(Number(value.toPrecision(4))) : value ?? "–";

  function save(name, text, type) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  // ---- Charts as figures of plotly -----------------------------------------------------------------------------

  function theme(printing) {
    if (printing) return { ink: "#1b1f24", line: "#d8dee4", page: "#ffffff" };
    const style = getComputedStyle(root);
    const [ink, line, page] = ["--ink", "--line", "--page"].map((name) => style.getPropertyValue(name).trim());
    return { ink, line, page };
  }

  const textOf = (value) => String(value).replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const shortened = (text, most) =>
    text.length <= most ? text : `${text.slice(0, most / 2 - 1)}…${text.slice(1 - most / 2)}`;
  const mixed = (colour, alpha) => {
    const [r, g, b] = [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16));
    return `rgba(${r},${g},${b},${alpha})`;
  };

  /** From blue over white to red, as in ColorBrewer's RdBu. */
  const DIVERGING = ["#053061", "#2166ac", "#4393c3", "#92c5de", "#f7f7f7", "#f4a582", "#d6604d", "#b2182b", "#67001f"]
    .map((colour, i, all) => [i / (all.length - 1), colour]);

  const BLUES = [[0, "#eaf2f9"], [0.5, "#6ba3d0"], [1, "#0f4c7f"]];

  function layoutOf(look, width) {
    return {
      width, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", autosize: false,
      font: { family: "system-ui, sans-serif", size: 13, color: look.ink },
      margin: { l: 64, r: 16, t: 16, b: 60 },
      hoverlabel: { font: { family: "system-ui, sans-serif" } },
      dragmode: touch ? false : "zoom",
      legend: { orientation: "h", x: 0, xanchor: "left", y: -0.2, yanchor: "top", font: { size: 12 } },
    };
  }

  const axis = (look, more) => ({
    gridcolor: look.line, linecolor: look.line, zerolinecolor: look.line, automargin: true, ...more,
  });

  /** Whole powers of ten carry labels; between few of them their 2s and 5s do too. */
  const logarithmic = (values) => {
    const found = values.filter((value) => value > 0);
    if (!found.length) return {};
    const decades = Math.log10(Math.max(...found) / Math.min(...found));
    return { type: "log", exponentformat: "power", dtick: decades > 1.5 ? Math.ceil(decades / 8) : undefined };
  };

  function curvesFigure(chart, look, width) {
    const named = chart.curves.some((curve) => curve.x.some((x) => typeof x === "string"));
    const data = [];
    chart.curves.forEach((curve, i) => {
      const group = { legendgroup: `${i}`, hoverinfo: "skip", showlegend: false, mode: "lines", connectgaps: false };
      if (curve.low) {
        const edge = { ...group, x: curve.x, line: { width: 0 } };
        data.push({ ...edge, y: curve.low }, {
          ...edge, y: curve.high, fill: "tonexty", fillcolor: mixed(curve.colour, 0.2),
        });
      }
      data.push({
        x: curve.x, y: curve.y, name: textOf(curve.name), legendgroup: `${i}`, mode: "lines+markers",
        line: { color: curve.colour, dash: curve.dash, width: 2 }, connectgaps: false,
        marker: { color: curve.colour, size: curve.x.length > 40 ? 3 : 6 },
        hovertemplate: `${textOf(chart.x_title)} %{x}: %{y:.4g}<extra>${textOf(curve.name)}</extra>`,
      });
    });
    const layout = layoutOf(look, width);
    layout.height = 400 + 20 * Math.ceil(chart.curves.length / Math.max(1, Math.floor(width / 190)));
    layout.showlegend = chart.curves.length > 1;
    const heights = chart.curves.flatMap((curve) => [...curve.y, ...(curve.low ?? [])]);
    layout.xaxis = axis(look, {
      title: { text: textOf(chart.x_title) }, type: named ? "category" : chart.log_x ? "log" : "linear",
      ...(named || chart.log_x ? {} : { tickformat: ",~r" }), showgrid: false, zeroline: false, ticks: "outside", tickcolor: look.line,
    });
    layout.yaxis = axis(look, chart.log_y ? logarithmic(heights) : {});
    layout.margin.t = 32;
    layout.annotations = [{  // lies flat above the axis, where a phone has room for it
      text: textOf(chart.y_title), showarrow: false, xref: "paper", yref: "paper", x: 0, y: 1, xanchor: "left",
      yanchor: "bottom", yshift: 6,
    }];
    if (chart.y_range) layout.yaxis.range = chart.log_y ? chart.y_range.map(Math.log10) : chart.y_range;
    return { data, layout };
  }

  function barsFigure(chart, look, width) {
    const most = width < 500 ? 18 : 34;
    const names = chart.categories.map(String);
    const data = chart.series.map((series) => ({
      type: "bar", orientation: "h", name: textOf(series.name), marker: { color: series.colour },
      y: names.map((_, i) => i), x: series.values, customdata: names.map(textOf),
      hovertemplate: `%{customdata}: %{x:.4g}<extra>${textOf(series.name)}</extra>`,
    }));
    const layout = layoutOf(look, width);
    const thickness = chart.stacked ? 30 : 12 + 14 * chart.series.length;
    layout.height = 122 + thickness * names.length + (chart.series.length > 1 ? 30 : 0);
    layout.barmode = chart.stacked ? "relative" : "group";
    layout.bargap = 0.25;
    layout.showlegend = chart.series.length > 1;
    layout.legend = { ...layout.legend, y: 1, yanchor: "bottom", traceorder: "normal" };
    layout.margin.t = chart.series.length > 1 ? 36 : 16;
    layout.xaxis = axis(look, { title: { text: textOf(chart.x_title) }, zeroline: true, zerolinecolor: look.ink });
    layout.yaxis = axis(look, {
      autorange: "reversed", showgrid: false, zeroline: false, tickvals: names.map((_, i) => i),
      ticktext: names.map((name) => textOf(shortened(name, most))),
    });
    return { data, layout };
  }

  function heatMapFigure(chart, look, width) {
    const narrow = width < 500;
    const found = chart.values.flat().filter((value) => value !== null && (value > 0 || !chart.log));
    const scaled = (value) => value === null || (chart.log && value <= 0) ? null : chart.log ? Math.log10(value) : value;
    const exponents = found.length ? [Math.min(...found), Math.max(...found)].map(Math.log10) : [0, 0];
    const ticks = [];
    const step = Math.max(1, Math.ceil((exponents[1] - exponents[0]) / 6));
    for (let e = Math.ceil(exponents[0]); e <= exponents[1]; e += step) ticks.push(e);
    if (ticks.length < 2) ticks.splice(0, ticks.length, ...exponents);
    const bar = { title: { text: textOf(chart.title), side: narrow ? "top" : "right" }, thickness: 12, outlinewidth: 0 };
    if (narrow) Object.assign(bar, { orientation: "h", y: 1.02, yanchor: "bottom", len: 1 });
    if (chart.log) Object.assign(bar, { tickvals: ticks, ticktext: ticks.map((e) => short(Number((10 ** e).toPrecision(2)))) });
    const least = Math.min(...found);
    const places = (names) => names.map((_, i) => i);
    const numeric = chart.x.every((x) => typeof x === "number");
    const shown = chart.values.map((row) => row.map((value) => (value === null ? "" : String(Number(value.toPrecision(2))))));
    const data = [{
      type: "heatmap", x: places(chart.x), y: places(chart.y), z: chart.values.map((row) => row.map(scaled)),
      customdata: chart.values.map((row, i) => row.map((value, j) => [textOf(chart.y[i]), textOf(chart.x[j]), short(value)])),
      text: shown, texttemplate: chart.numbers ? "%{text}" : "", textfont: { size: 11 },
      colorscale: chart.numbers && !chart.log ? BLUES : "Cividis", ...(least >= 0 && !chart.log ? { zmin: 0, zmax: Math.max(...found) } : {}),
      xgap: 1, ygap: 1, colorbar: bar, hoverongaps: false,
      hovertemplate: `%{customdata[0]}, ${textOf(chart.x_title)} %{customdata[1]}: %{customdata[2]}<extra></extra>`,
    }];
    const layout = layoutOf(look, width);
    layout.height = Math.max(232, 142 + 34 * chart.y.length) + (narrow ? 60 : 0);
    const every = Math.max(1, Math.ceil(chart.x.length / (width / (numeric ? 45 : 60))));
    const kept = places(chart.x).filter((i) => i % every === 0);
    const most = narrow ? 14 : 26;
    layout.xaxis = axis(look, {
      title: { text: textOf(chart.x_title) }, showgrid: false, zeroline: false, tickvals: kept,
      ticktext: kept.map((i) => textOf(shortened(String(chart.x[i]), most))),
    });
    layout.yaxis = axis(look, {
      title: { text: textOf(chart.y_title) }, autorange: "reversed", showgrid: false, zeroline: false,
      tickvals: places(chart.y), ticktext: chart.y.map((y) => textOf(shortened(String(y), most))),
    });
    return { data, layout };
  }

  function picturesFigure(chart, look, width) {
    const count = chart.pictures.length;
    const fitting = Math.max(1, Math.min(count, Math.floor(width / (count > 6 ? 130 : 210))));
    const lines = Math.ceil(count / fitting);
    const columns = Math.ceil(count / lines);
    const shapes = chart.pictures.map((picture) => picture.values.shape);
    const colours = shapes.some((shape) => shape.length === 2);
    const bar = colours ? 70 : 0;
    const side = Math.min(340, (width - bar - 14 * (columns - 1)) / columns);
    const tall = side * Math.max(...shapes.map(([height, width_]) => height / width_));
    const layout = layoutOf(look, width);
    const used = side * columns + 14 * (columns - 1);
    layout.margin = { l: 0, r: width - used, t: 26, b: 8 };
    layout.height = lines * (tall + 28) + 10;
    const inner = layout.height - 34;
    layout.annotations = [];
    layout.dragmode = false;
    layout.coloraxis = {
      cmin: chart.low, cmax: chart.high, colorscale: chart.low === -chart.high ? DIVERGING : "Cividis",
      colorbar: {
        title: { text: textOf(chart.title), side: "right" }, thickness: 12, outlinewidth: 0, x: 1, xpad: 8,
        len: Math.min(1, 260 / inner), y: 1, yanchor: "top",
      },
    };
    const data = chart.pictures.map((picture, k) => {
      const values = unpack(picture.values);
      const suffix = k === 0 ? "" : k + 1;
      const [column, line] = [k % columns, Math.floor(k / columns)];
      const left = (column * (side + 14)) / used;
      const top = 1 - (line * (tall + 28)) / inner;
      const domain = { x: [left, Math.min(1, left + side / used)], y: [Math.max(0, top - tall / inner), top] };
      const bare = { visible: false, constrain: "domain", fixedrange: touch };
      layout[`xaxis${suffix}`] = { ...bare, domain: domain.x };
      layout[`yaxis${suffix}`] = { ...bare, domain: domain.y, autorange: "reversed", scaleanchor: `x${suffix}` };
      layout.annotations.push({
        text: textOf(shortened(picture.title, Math.max(8, 2 * Math.floor(side / 16)))), showarrow: false, xref: "paper",
        yref: "paper", x: (domain.x[0] + domain.x[1]) / 2, y: top, xanchor: "center", yanchor: "bottom",
      });
      const where = { xaxis: `x${suffix}`, yaxis: `y${suffix}`, name: textOf(picture.title) };
      if (picture.values.shape.length === 3) {
        const largest = Math.max(...values.flat(2).map(Math.abs)) || 1;
        const level = (value) => Math.round(127.5 * (1 + value / largest));
        return {
          type: "image", ...where, z: values.map((row) => row.map((pixel) => pixel.map(level))),
          hovertemplate: "row %{y}, column %{x}<extra></extra>",
        };
      }
      return {
        type: "heatmap", ...where, z: values, coloraxis: "coloraxis",
        hovertemplate: "row %{y}, column %{x}: %{z:.3g}<extra></extra>",
      };
    });
    return { data, layout };
  }

  const FIGURES = { Curves: curvesFigure, Bars: barsFigure, HeatMap: heatMapFigure, Pictures: picturesFigure };

  // ---- Plots with their choices --------------------------------------------------------------------------------

  class Plot {
    constructor(name, { title, chart }) {
      this.name = name;
      this.title = title;
      this.chart = chart;
      this.section = document.getElementById(name);
      this.place = this.section.querySelector(".chart");
      this.chosen = {};
      this.section.querySelectorAll("[data-save]").forEach((button) =>
        button.addEventListener("click", () => this.save(button.dataset.save)));
      this.table = this.section.querySelector("details.data");
      this.table.addEventListener("toggle", () => this.fillTable());
      this.controls();
    }

    /** The choices from the outermost to the innermost, as they stand, and the chart that they lead to. */
    path() {
      const choices = [];
      let chart = this.chart;
      while (!isLeaf(chart)) {
        const names = Object.keys(chart.charts);
        const before = this.chosen[chart.label];
        const name = names.includes(before) ? before : chart.start ?? names.at(-1);
        choices.push({ chart, names, name });
        chart = chart.charts[name];
      }
      return { choices, chart };
    }

    has(label, name) {
      const found = (chart) => !isLeaf(chart) &&
        ((chart.label === label && name in chart.charts) || Object.values(chart.charts).some(found));
      return found(this.chart);
    }

    choose(label, name) {
      this.chosen[label] = name;
      this.controls();
      this.fillTable();
      return this.draw();
    }

    controls() {
      const box = this.section.querySelector(".choices");
      const focused = box.contains(document.activeElement) ? document.activeElement.name : null;
      box.replaceChildren(...this.path().choices.filter(({ names }) => names.length > 1).map((choice) => {
        const label = document.createElement("label");
        label.append(choice.chart.label, " ", ...(choice.chart.slider ? this.slider(choice) : [this.list(choice)]));
        return label;
      }));
      if (focused) box.querySelector(`[name="${CSS.escape(focused)}"]`)?.focus();
    }

    slider({ chart, names, name }) {
      const input = document.createElement("input");
      Object.assign(input, { type: "range", min: 0, max: names.length - 1, step: 1, name: chart.label });
      input.value = names.indexOf(name);
      input.setAttribute("aria-valuetext", `${chart.label} ${name}`);
      const output = document.createElement("output");
      output.textContent = name;
      input.addEventListener("input", () => {
        const chosen = names[input.value];
        output.textContent = chosen;
        input.setAttribute("aria-valuetext", `${chart.label} ${chosen}`);
        this.chosen[chart.label] = chosen;
        this.fillTable();
        this.draw();
      });
      return [input, output];
    }

    list({ chart, names, name }) {
      const select = document.createElement("select");
      select.name = chart.label;
      select.append(...names.map((each) => new Option(each, each, false, each === name)));
      select.addEventListener("change", () => this.choose(chart.label, select.value));
      return select;
    }

    async draw(printing = false) {
      const { chart } = this.path();
      const width = printing ? 660 : Math.floor(this.place.clientWidth);
      if (!width) return;
      const { data, layout } = FIGURES[chart.kind](chart, theme(printing), width);
      this.width = width;
      const options = {
        displaylogo: false, displayModeBar: touch ? false : "hover", scrollZoom: false,
        modeBarButtonsToRemove: ["select2d", "lasso2d", "zoomIn2d", "zoomOut2d", "autoScale2d"],
        toImageButtonOptions: { filename: this.name, scale: 2 },
      };
      await Plotly.react(this.place, data, layout, options);
      this.place.removeAllListeners("plotly_click");
      if (chart.picks) {
        this.place.on("plotly_click", (event) => pick(chart.picks, String(chart.y[Math.round(event.points[0].y)])));
      }
    }

    fillTable() {
      if (!this.table.open) return;
      const rows = rowsOf(this.path().chart);
      const columns = columnsOf(rows);
      const line = (cells, tag) => {
        const row = document.createElement("tr");
        row.append(...cells.map((text) => Object.assign(document.createElement(tag), { textContent: text })));
        return row;
      };
      const table = document.createElement("table");
      table.createTHead().append(line(columns, "th"));
      table.tHead.querySelectorAll("th").forEach((cell) => cell.setAttribute("scope", "col"));
      const most = 500;
      table.createTBody().append(...rows.slice(0, most).map((row) => line(columns.map((c) => short(row[c])), "td")));
      const rest = document.createElement("p");
      rest.textContent = rows.length > most ? `The first ${most} of ${rows.length} rows; CSV and JSON have all.` : "";
      this.table.querySelector(".scroll").replaceChildren(table, rest);
    }

    save(kind) {
      const rows = rowsOf(this.chart);
      const text = kind === "csv" ? csv(rows) : `${JSON.stringify({ title: this.title, rows }, null, 1)}\n`;
      save(`${this.name}.${kind}`, text, kind === "csv" ? "text/csv" : "application/json");
    }
  }

  // ---- The page ------------------------------------------------------------------------------------------------

  const plots = Object.entries(report).map(([name, plot]) => new Plot(name, plot));

  /** Set every choice of this label that knows the name, and bring the first of the plots into view. */
  function pick(label, name) {
    const found = plots.filter((plot) => plot.has(label, name));
    found.forEach((plot) => plot.choose(label, name));
    document.getElementById("said").textContent = `${label} ${name} is shown`;
    found[0]?.section.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }

  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
  const drawAll = (printing = false) => Promise.all(plots.map((plot) => plot.draw(printing)));
  function nameTheme() {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `Switch to ${isDark() ? "light" : "dark"} colours`);
  }
  button.hidden = false;
  nameTheme();
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    nameTheme();
    drawAll();
  });
  system.addEventListener("change", () => { nameTheme(); drawAll(); });

  let printedTheme;
  addEventListener("beforeprint", () => {
    printedTheme = root.dataset.theme;
    root.dataset.theme = "light";
    document.querySelectorAll("#numbers details").forEach((part) => { part.open = true; });
    drawAll(true);
  });
  addEventListener("afterprint", () => {
    if (printedTheme === undefined) delete root.dataset.theme;
    else root.dataset.theme = printedTheme;
    drawAll();
  });

  let resizing;
  new ResizeObserver(() => {
    clearTimeout(resizing);
    resizing = setTimeout(() => plots.filter((plot) => Math.floor(plot.place.clientWidth) !== plot.width)
      .forEach((plot) => plot.draw()), 100);
  }).observe(document.getElementById("main"));

  // Plots are drawn as they come into view, so that the page answers at once.
  const waiting = new IntersectionObserver((entries) => {
    entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
      waiting.unobserve(entry.target);
      plots.find((plot) => plot.section === entry.target).draw();
    });
  }, { rootMargin: "600px" });
  plots.forEach((plot) => waiting.observe(plot.section));
})();
