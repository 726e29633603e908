// What the figures share: texts that fit, layouts, axes and legends of plotly.

const PAPER = { ink: "#1b1f24", line: "#d8dee4" };

const NARROW = 500;
const LETTER = 7;  // pixels of a letter of a tick or legend, on average

const within = (value, least, most) => Math.max(least, Math.min(most, value));
const extent = (values) =>
  values.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [Infinity, -Infinity]);
const places = (items) => items.map((_, i) => i);
const textOf = (value) => String(value).replaceAll("&", "&amp;").replaceAll("<", "&lt;");
/** A text of `most` letters; of a longer one more of the end is kept, where names of layers differ. */
const shortened = (text, most) => {
  const start = Math.max(1, Math.floor(most / 3));
  return text.length <= most ? text : `${text.slice(0, start)}…${text.slice(Math.ceil(start + 1 - most))}`;
};
/** A text of more than `most` letters in two lines as equal as its words allow; a line that is too long is shortened. */
function inTwo(text, most) {
  const words = text.split(" ");
  if (text.length <= most || words.length === 1) return [shortened(text, most)];
  const ways = places(words).slice(1).map((k) => [words.slice(0, k).join(" "), words.slice(k).join(" ")]);
  const width = (way) => Math.max(...way.map((line) => line.length));
  return ways.reduce((best, way) => (width(way) < width(best) ? way : best)).map((line) => shortened(line, most));
}
/** Lines of a title that is wider than `room` pixels. */
const broken = (text, room) => {
  const lines = [""];
  text.split(" ").forEach((word) => {
    if (lines.at(-1) && LETTER * (lines.at(-1).length + word.length) > room) lines.push("");
    lines.push(`${lines.pop()} ${word}`.trim());
  });
  return lines.map(textOf).join("<br>");
};
const transparent = (color, alpha) => {
  const [r, g, b] = [1, 3, 5].map((start) => parseInt(color.slice(start, start + 2), 16));
  return `rgba(${r},${g},${b},${alpha})`;
};

function layoutOf(look, width) {
  return {
    width, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", autosize: false, annotations: [],
    font: { family: "system-ui, sans-serif", size: 13, color: look.ink },
    margin: { l: width < NARROW ? 44 : 64, r: 16, t: 16, b: 56 },
    hoverlabel: { font: { family: "system-ui, sans-serif" } },
    dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
  };
}

/** An annotation at a place of the plot, from 0 to 1. */
const flat = { showarrow: false, xref: "paper", yref: "paper" };

/** Large numbers in groups of three digits, very large and very small ones with powers of ten. */
const figures = { exponentformat: "power", minexponent: 5, separatethousands: true };

const axis = (look, title, more) => ({
  title: { text: title, standoff: 8, font: { size: 13 } }, gridcolor: look.line, linecolor: look.line,
  tickcolor: look.line, automargin: true, zeroline: false, ...figures, ...more,
});

const colorBar = (title, more) => ({
  title: { text: textOf(title), side: "right", font: { size: 13 } }, thickness: 12, outlinewidth: 0,
  ...figures, ...more,
});

/** A number as a tick: plain, or with a power of ten where that would be long. */
function tickText(value) {
  if (value >= 1e-3 && value < 1e4) return String(Number(value.toPrecision(4)));
  const power = Math.floor(Math.log10(value) + 1e-9);
  const factor = Number((value / 10 ** power).toPrecision(4));
  return `${factor === 1 ? "" : `${factor}×`}10<sup>${power}</sup>`.replace("-", "−");
}

/** Numbers that label a logarithmic axis of less than two decades: 1, 2 and 5 times powers of ten, with 3 and 7 where
    these are fewer than three, or else round numbers. `margin` decades on both sides have ticks as well. */
function fewDecades(low, high, margin = 0) {
  const between = (values, more) => values.filter((value) =>
    value > 0 && Math.log10(value) >= low - more - 1e-9 && Math.log10(value) <= high + more + 1e-9);
  const powers = [];
  for (let power = Math.floor(low - margin); power <= Math.ceil(high + margin); power += 1) powers.push(power);
  for (const factors of [[1, 2, 5], [1, 2, 3, 5, 7]]) {
    const values = powers.flatMap((power) => factors.map((factor) => Number(`${factor}e${power}`)));
    if (high === low || between(values, 0).length > 2) return between(values, margin);
  }
  const span = 10 ** high - 10 ** low;
  const power = 10 ** Math.floor(Math.log10(span / 4));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= span / 7);
  const first = Math.ceil(10 ** low / step) - 5;
  return between(Array.from({ length: 20 }, (_, i) => Number(((first + i) * step).toPrecision(12))), margin);
}

/** A power of ten as a tick. */
const powerText = (power) =>
  (power === 0 || power === 1 ? `${10 ** power}` : `10<sup>${power}</sup>`.replace("-", "−"));

/** Whole numbers from `low` to `high` that are multiples of `step`. */
function multiples(low, high, step) {
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.max(0, Math.floor(high / step) - first + 1) }, (_, i) => (first + i) * step);
}

/** A logarithmic axis: whole powers of ten carry labels; of less than two decades every label is a number by itself. */
function logarithmic(values) {
  const [low, high] = extent(values.filter((value) => value > 0)).map(Math.log10);
  const decades = high - low;
  if (!(decades >= 0)) return {};
  if (decades < 2) {
    const tickvals = fewDecades(low, high, 1);
    return { type: "log", tickvals, ticktext: tickvals.map(tickText) };
  }
  const step = Math.ceil(decades / 8);
  const powers = multiples(low - step, high + step, step);  // the axis goes on beyond the values
  return { type: "log", tickvals: powers.map((power) => 10 ** power), ticktext: powers.map(powerText) };
}

/** Ticks of a scale of logarithms: whole powers of ten, more of them below two decades, or its ends if it is short; each
    second or third of those that would be closer than `gap`, a share of the scale. */
function powerTicks(low, high, gap) {
  if (high - low < 2) {
    const all = fewDecades(low, high);
    const thinned = (every) => all.filter((_, i) => i % every === 0);
    const apart = (some) => some.every((value, i) => !i || Math.log10(value / some[i - 1]) >= gap * (high - low));
    const values = thinned([1, 2, 3].find((every) => apart(thinned(every))) ?? 4);
    const shown = values.length < 2 ? [10 ** low, 10 ** high].map((value) => Number(value.toPrecision(2))) : values;
    return { tickvals: values.length < 2 ? [low, high] : shown.map(Math.log10), ticktext: shown.map(tickText) };
  }
  const powers = multiples(low, high, Math.ceil((high - low) / 6));
  return { tickvals: powers, ticktext: powers.map(powerText) };
}

/** Ticks that name columns side by side: slanted or left out where there is no room; numbers, and names most of which
    are as short, are never slanted. */
function columnTicks(columns, room) {
  const texts = columns.map((column) => shortened(String(column), 24));
  const widths = texts.map((text) => 8 * text.length + 8);
  const cell = room / texts.length;
  const long = texts.filter((text, i) => typeof columns[i] === "string" && text.length > 4).length;
  const slanted = 2 * long > texts.length && Math.max(...widths) > cell;
  const usual = [...widths].sort((one, other) => one - other)[Math.floor(widths.length / 2)];
  const every = Math.ceil((slanted ? 24 : usual) / cell);
  const half = (i) => (slanted ? 24 : widths[i]) / 2;
  const collide = (i, j) => j * cell - half(j) < i * cell + half(i);
  const kept = [];
  places(texts).filter((i) => i % every === 0).forEach((i) => {
    if (!kept.length || !collide(kept.at(-1), i)) kept.push(i);
  });
  const last = texts.length - 1;  // where a network ends is told rather than what is before it
  if (kept.at(-1) !== last && typeof columns[last] === "string") {
    while (kept.length > 1 && collide(kept.at(-1), last)) kept.pop();
    if (!collide(kept.at(-1), last)) kept.push(last);
  }
  return {
    ticks: { tickvals: kept, ticktext: kept.map((i) => textOf(texts[i])), tickangle: slanted ? -45 : 0 },
    height: slanted ? Math.ceil(Math.max(...widths) * 0.7) : 0,
  };
}

/** An axis of categories with their ticks, told by name: a category may be called "2" and not be the second. */
const categories = (columns, { tickvals, ...ticks }) => ({
  type: "category", categoryarray: columns, ...ticks, tickvals: tickvals.map((i) => columns[i]),
});

/** Put a legend on top, and make room for it as plotly will lay it out in `room` pixels: in a line or in columns. */
function addLegend(layout, traces, room) {
  const names = traces.filter(({ showlegend }) => showlegend !== false).map(({ name }) => name);
  layout.showlegend = names.length > 1;
  if (!layout.showlegend) return;
  const widths = names.map((name) => 6.5 * name.length + 46);
  const all = widths.reduce((sum, width) => sum + width, 0);
  const columns = Math.max(1, Math.floor(room / Math.max(...widths)));
  const height = 19 * (all < room ? 1 : Math.ceil(names.length / columns)) + 6;
  layout.legend = {
    orientation: "h", x: 0, xref: "container", xanchor: "left", y: 1, yref: "container", yanchor: "top",
    traceorder: "normal", font: { size: 12 }, tracegroupgap: 0, maxheight: 1,
  };
  layout.margin.t += height;
  layout.height += height;
}

const legendText = (name, width) => textOf(shortened(name, Math.floor((width - 60) / LETTER)));

/** Columns of a grid of pictures: as few lines as fit, without a gap in the last one if that is possible. */
function gridColumns(count, most) {
  for (let columns = most; columns > 1 && columns >= 0.4 * most; columns -= 1) {
    if (count % columns === 0) return columns;
  }
  return Math.ceil(count / Math.ceil(count / most));
}
