// The plots of the page, with their choices, files and colors.

const root = document.documentElement;
const PAPER_WIDTH = 660;
/** Heights that leave room for two plots on a sheet. */
const PAPER_HEIGHTS = {
  Curves: () => 240, Panels: () => 340, HeatMap: () => 300,
  Bars: ({ categories }) => Math.max(280, 17 * categories.length + 80), Pictures: () => Infinity,
};

document.getElementById("old").hidden = canUnpack;
if (!canUnpack) return;
const report = JSON.parse(await unpacked("report-data"));
const library = loaded();

function saveFile(name, address) {
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

const styleOf = (name) => getComputedStyle(root).getPropertyValue(name).trim();

class Plot {
  constructor(name, { title, chart }) {
    Object.assign(this, { name, title, chart, chosen: {}, width: 0 });
    this.section = document.getElementById(name);
    this.place = this.section.querySelector(".chart");
    this.table = this.section.querySelector("details.data");
    this.table.addEventListener("toggle", () => this.fillTable());
    this.section.querySelectorAll("[data-save]").forEach((button) =>
      button.addEventListener("click", () => this.save(button.dataset.save)));
    this.showChoices();
  }

  /** The choices from the outermost to the innermost, as they stand, and the chart that they lead to. */
  path() {
    const choices = [];
    let { chart } = this;
    while (chart.kind === "Choice") {
      const names = Object.keys(chart.charts);
      const before = this.chosen[chart.label];
      const name = names.includes(before) ? before : chart.start ?? names.at(-1);
      choices.push({ label: chart.label, slider: chart.slider, names, name });
      chart = chart.charts[name];
    }
    return { choices, chart };
  }

  has(label, name) {
    const found = (chart) => chart.kind === "Choice" &&
      ((chart.label === label && name in chart.charts) || Object.values(chart.charts).some(found));
    return found(this.chart);
  }

  /** Choose, and show anew the choices from a depth on, which may be others now. */
  choose(label, name, depth = 0) {
    this.chosen[label] = name;
    this.showChoices(depth);
    this.fillTable();
    if (this.width) this.draw();
  }

  showChoices(depth = 0) {
    const box = this.section.querySelector(".choices");
    [...box.children].slice(depth).forEach((part) => part.remove());
    this.path().choices.slice(depth).forEach((choice, i) => box.append(this.choiceOf(choice, depth + i)));
  }

  /** A control with its label, and the name that is chosen as text, which a list shows on paper only. */
  choiceOf({ label, slider, names, name }, depth) {
    const part = Object.assign(document.createElement("div"), { className: slider ? "choice" : "choice listed" });
    const value = Object.assign(document.createElement("span"), { className: "value", textContent: name });
    if (names.length === 1) {
      part.className = "choice";
      part.append(label, value);
      return part;
    }
    const control = document.createElement(slider ? "input" : "select");
    control.name = label;
    if (slider) Object.assign(control, { type: "range", min: 0, max: names.length - 1, value: names.indexOf(name) });
    else control.append(...names.map((each) => new Option(each, each, false, each === name)));
    const say = (chosen) => {
      value.textContent = chosen;
      if (slider) control.setAttribute("aria-valuetext", `${label} ${chosen}`);
    };
    say(name);
    value.setAttribute("aria-hidden", "true");
    control.addEventListener("input", () => {
      const chosen = slider ? names[control.value] : control.value;
      say(chosen);
      this.choose(label, chosen, depth + 1);
    });
    const named = document.createElement("label");
    named.append(label, control);
    part.append(named, value);
    return part;
  }

  /** Room of the figure that will be drawn. */
  keepRoom() {
    const { layout } = figureOf(this.path().chart, PAPER, Math.max(200, this.place.clientWidth));
    this.place.style.minHeight = `${layout.height}px`;
  }

  async draw(printing = false) {
    const { chart } = this.path();
    const width = printing ? PAPER_WIDTH : Math.floor(this.place.clientWidth);
    if (!width) return;
    this.width = width;
    const look = printing ? PAPER : { ink: styleOf("--ink"), line: styleOf("--line") };
    const { data, layout } = figureOf(chart, look, width);
    if (printing) layout.height = Math.min(layout.height, PAPER_HEIGHTS[chart.kind](chart));
    this.place.style.minHeight = "";
    await library;
    await Plotly.react(this.place, data, layout, { displayModeBar: false });
    this.place.removeAllListeners("plotly_click");
    if (chart.picks) {
      this.place.on("plotly_click", ({ points }) => pick(chart.picks, chart.y[Math.round(points[0].y)]));
    }
  }

  fillTable() {
    if (!this.table.open) return;
    const most = 500;
    const rows = rowsOf(this.path().chart);
    const columns = columnsOf(rows);
    const table = document.createElement("table");
    const add = (part, tag, cells) => part.insertRow().append(
      ...cells.map((textContent) => Object.assign(document.createElement(tag), { textContent })));
    add(table.createTHead(), "th", columns);
    table.querySelectorAll("th").forEach((cell) => cell.setAttribute("scope", "col"));
    const body = table.createTBody();
    rows.slice(0, most).forEach((row) => add(body, "td", columns.map((column) => short(row[column]))));
    const rest = document.createElement("p");
    rest.textContent = rows.length > most ? `The first ${most} of ${rows.length} rows; CSV and JSON have all.` : "";
    this.table.querySelector(".scroll").replaceChildren(table, rest);
  }

  save(kind) {
    if (kind === "png") return this.savePicture();
    const rows = rowsOf(this.chart);
    const [text, type] = kind === "csv" ? [csvOf(rows), "text/csv"] : [jsonOf(this.title, rows), "application/json"];
    return saveFile(`${this.name}.${kind}`, URL.createObjectURL(new Blob([text], { type })));
  }

  /** What is shown now, on white and under its title, whatever the colors of the page. */
  async savePicture() {
    const { choices, chart } = this.path();
    const { data, layout } = figureOf(chart, PAPER, 900);
    const titles = [this.title, ...choices.map(({ label, name }) => `${label} ${name}`)];
    const text = textOf(titles.join(", "));
    layout.title = { text, x: 0.01, y: 1, yanchor: "top", pad: { t: 12 }, font: { size: 16 } };
    layout.margin.t += 40;
    layout.height += 40;
    if (layout.legend) layout.legend.y = 1 - 40 / layout.height;
    layout.paper_bgcolor = "#ffffff";
    const { width, height } = layout;
    await library;
    const address = await Plotly.toImage({ data, layout }, { format: "png", width, height, scale: 2 });
    saveFile(`${this.name}.png`, address);
  }
}

const plots = Object.entries(report).map(([name, plot]) => new Plot(name, plot));
const drawAll = () => plots.filter((plot) => plot.width).forEach((plot) => plot.draw());

/** Set every choice of this label that knows the name, and bring the first of the plots into view. */
function pick(label, name) {
  const found = plots.filter((plot) => plot.has(label, name));
  found.forEach((plot) => plot.choose(label, name));
  document.getElementById("said").textContent = `${label} ${name} is shown`;
  const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
  found[0]?.section.scrollIntoView({ block: "nearest", behavior });
}

const button = document.getElementById("theme");
const system = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
function followTheme() {
  button.textContent = isDark() ? "Light" : "Dark";
  button.setAttribute("aria-label", `Switch to ${isDark() ? "light" : "dark"} colors`);
  drawAll();
}
button.hidden = false;
button.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  followTheme();
});
system.addEventListener("change", followTheme);
followTheme();

let themeOnScreen;
addEventListener("beforeprint", () => {
  themeOnScreen = root.dataset.theme;
  root.dataset.theme = "light";
  document.querySelectorAll("#numbers details, details.findings").forEach((part) => { part.open = true; });
  plots.forEach((plot) => plot.draw(true));
});
addEventListener("afterprint", () => {
  if (themeOnScreen === undefined) delete root.dataset.theme;
  else root.dataset.theme = themeOnScreen;
  drawAll();
});

let resizing;
new ResizeObserver(() => {
  clearTimeout(resizing);
  resizing = setTimeout(() => plots.filter((plot) => plot.width && Math.floor(plot.place.clientWidth) !== plot.width)
    .forEach((plot) => plot.draw()), 100);
}).observe(document.getElementById("main"));

// Plots are drawn as they come into view, and the others one by one, between which the page answers, so that it is whole
// without being scrolled. Their room is kept for them.
const waiting = new IntersectionObserver((entries) => {
  entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
    waiting.unobserve(entry.target);
    const plot = plots.find(({ section }) => section === entry.target);
    if (!plot.width) plot.draw();
  });
}, { rootMargin: "600px" });
plots.forEach((plot) => waiting.observe(plot.section));
const answers = () => new Promise((done) => setTimeout(done));
async function drawTheOthers() {
  await library;
  for (const plot of plots) {
    await answers();
    if (!plot.width) await plot.draw();
  }
  root.dataset.height = root.scrollHeight;
}
plots.forEach((plot) => plot.keepRoom());
document.getElementById(location.hash.slice(1))?.scrollIntoView();  // room above it was kept after the page was there
await drawTheOthers();
