// The numbers of a chart: unpacked, as rows, and as files.

/** Rows of numbers, or of [red, green, blue], from whole numbers of one byte in base64. */
function pixelsOf({ shape: [height, width, channels = 1], unit, data }) {
  const whole = Int8Array.from(atob(data), (character) => character.charCodeAt(0));
  const value = (place) => whole[place] * unit;
  const cell = (place) => (channels === 1 ? value(place) : [0, 1, 2].map((c) => value(place * channels + c)));
  return Array.from({ length: height }, (_, i) => Array.from({ length: width }, (_, j) => cell(i * width + j)));
}

const curveRows = (chart, curves, before = {}) => curves.flatMap((curve) => {
  const row = (x, y, more) => ({ ...before, curve: curve.name, [chart.x_title]: x, [chart.y_title]: y, ...more });
  const band = (i) => (curve.low ? { low: curve.low[i], high: curve.high[i] } : {});
  return [
    ...curve.x.map((x, i) => row(x, curve.y[i], band(i))),
    ...Object.entries(curve.seeds).flatMap(([seed, values]) => curve.x.map((x, i) => row(x, values[i], { seed }))),
  ];
});

const ROWS = {
  Choice: (chart) => Object.entries(chart.charts).flatMap(([name, part]) =>
    rowsOf(part).map((row) => ({ [chart.label]: name, ...row }))),
  Curves: (chart) => curveRows(chart, chart.curves),
  Panels: (chart) =>
    Object.entries(chart.panels).flatMap(([panel, curves]) => curveRows(chart, curves, { panel })),
  Bars: (chart) => chart.series.flatMap((series) => chart.categories.map((category, i) => ({
    series: series.name, category, [chart.x_title]: series.values[i],
    ...(series.errors ? { "standard error": series.errors[i] } : {}),
  }))),
  HeatMap: (chart) => {
    const column = chart.x_title === chart.y_title ? `other ${chart.x_title}` : chart.x_title;
    return chart.y.flatMap((y, i) => chart.x.map((x, j) => ({
      [chart.y_title]: y, [column]: x, [chart.title]: chart.values[i][j],
    })));
  },
  Pictures: (chart) => {
    const kept = (value) => Number(value.toPrecision(3));  // more than a byte has
    const named = (value) => (Array.isArray(value)
      ? { red: kept(value[0]), green: kept(value[1]), blue: kept(value[2]) }
      : { [chart.title]: kept(value) });
    return chart.pictures.flatMap((picture) => pixelsOf(picture.values).flatMap((row, i) =>
      row.map((value, j) => ({ picture: picture.title, row: i + 1, column: j + 1, ...named(value) }))));
  },
};

/** The numbers of a chart as flat rows: one a point, bar, cell or pixel. */
const rowsOf = (chart) => ROWS[chart.kind](chart);

function columnsOf(rows) {
  const columns = new Set();
  rows.forEach((row) => Object.keys(row).forEach((name) => columns.add(name)));
  return [...columns];
}

function csvOf(rows) {
  const columns = columnsOf(rows);
  const cell = (value) => {
    const text = String(value ?? "");
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns, ...rows.map((row) => columns.map((column) => row[column]))]
    .map((cells) => `${cells.map(cell).join(",")}\r\n`).join("");
}

const jsonOf = (title, rows) =>
  `{"title": ${JSON.stringify(title)}, "rows": [\n${rows.map((row) => JSON.stringify(row)).join(",\n")}\n]}\n`;

/** A number to four digits, a whole one to all of them; other values as they are. */
function short(value) {
  if (typeof value !== "number") return value ?? "–";
  return String(Number.isInteger(value) ? value : Number(value.toPrecision(4)));
}
