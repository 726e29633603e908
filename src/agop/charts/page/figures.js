// Charts as figures of plotly: functions of a chart, the colors of the page and the width in pixels.

/** From blue over white to red, as in ColorBrewer's RdBu. */
const DIVERGING = ["#053061", "#2166ac", "#4393c3", "#92c5de", "#f7f7f7", "#f4a582", "#d6604d", "#b2182b", "#67001f"]
  .map((color, i, all) => [i / (all.length - 1), color]);
/** Light enough for dark numbers on all of it. */
const BLUES = [[0, "#f0f6fb"], [1, "#5a9bd4"]];

/** Outlines of a band, one for each stretch without a gap; on a logarithmic axis they end at `floor`. */
function outlines({ x, low, high }, floor) {
  const stretches = [[]];
  x.forEach((place, i) => {
    if (low[i] === null || high[i] === null || high[i] < floor) stretches.push([]);
    else stretches.at(-1).push([place, Math.max(low[i], floor), high[i]]);
  });
  const points = stretches.filter((stretch) => stretch.length).flatMap((stretch) => [
    ...stretch, ...stretch.map(([place, , top]) => [place, top]).reverse(), [null, null],
  ]);
  return { x: points.map(([place]) => place), y: points.map(([, height]) => height) };
}

const heightsOf = (curves) => curves.flatMap(({ y, low, high, seeds }) =>
  [...y, ...(low ?? []), ...(high ?? []), ...Object.values(seeds).flat()]);

/** Lines of curves with their seeds and bands; a logarithmic axis shows what is not below the least of all heights. */
function curveTraces(chart, curves, heights, width, where = {}) {
  const least = extent(heights.filter((value) => value > 0))[0];
  const floor = chart.log_y && least < Infinity ? least : -Infinity;
  return curves.flatMap((curve, i) => {
    const group = { name: legendText(curve.name, width), legendgroup: `${i}`, connectgaps: false, ...where };
    const shown = (values) => values.map((value) => (value === null || value < floor ? null : value));
    const line = {
      ...group, x: curve.x, y: shown(curve.y),
      mode: "lines+markers", line: { color: curve.color, dash: curve.dash, width: 2 },
      marker: { color: curve.color, size: curve.x.length > 40 ? 3 : 6 },
      hovertemplate: `${textOf(chart.x_title)} %{x}: %{y:.4g}<extra>${textOf(curve.name)}</extra>`,
    };
    const seeds = Object.entries(curve.seeds).map(([seed, values]) => ({
      ...line, y: shown(values), mode: "lines", line: { ...line.line, width: 0.8 }, opacity: 0.6, showlegend: false,
      hovertemplate: `${textOf(chart.x_title)} %{x}: %{y:.4g}<extra>${textOf(`${curve.name}, ${seed}`)}</extra>`,
    }));
    if (!curve.low) return [...seeds, line];
    const band = {
      ...group, ...outlines(curve, floor), mode: "lines", line: { width: 1, color: transparent(curve.color, 0.4) },
      fill: "toself", fillcolor: transparent(curve.color, 0.2), hoverinfo: "skip", showlegend: false,
    };
    return [band, line];
  });
}

function curvesFigure(chart, look, width) {
  const columns = [...new Set(chart.curves.flatMap((curve) => curve.x))];
  const named = columns.some((x) => typeof x === "string");
  const heights = heightsOf(chart.curves);
  const data = curveTraces(chart, chart.curves, heights, width);
  const layout = layoutOf(look, width);
  layout.margin.t = 32;
  layout.height = 388;
  addLegend(layout, data, width - 90);
  layout.xaxis = axis(look, textOf(chart.x_title), { showgrid: false, ticks: "outside" });
  if (named) {
    const { ticks, height } = columnTicks(columns, width - layout.margin.l - 44);
    Object.assign(layout.xaxis, categories(columns, ticks));
    layout.height += height;
  } else if (chart.log_x) {
    Object.assign(layout.xaxis, logarithmic(columns));
  } else {
    const [first, last] = extent(columns);
    const few = columns.every(Number.isInteger) && (last - first) * 30 < width && last - first <= 12;
    Object.assign(layout.xaxis, { tickformat: ",~r", dtick: few ? 1 : undefined });
  }
  layout.yaxis = axis(look, "", chart.log_y ? logarithmic(chart.y_range ?? heights) : {});
  if (chart.y_range) layout.yaxis.range = chart.log_y ? chart.y_range.map(Math.log10) : chart.y_range;
  layout.annotations.push({  // lies flat above the axis, where a phone has room for it
    ...flat, text: textOf(chart.y_title), x: 0, y: 1, xanchor: "left", yanchor: "bottom", yshift: 6,
  });
  return { data, layout };
}

/** Small multiples: as many panels beside each other as there is room for, on the same axes. */
function panelsFigure(chart, look, width) {
  const panels = Object.entries(chart.panels);
  const curves = panels.flatMap(([, some]) => some);
  const columns = [...new Set(curves.flatMap((curve) => curve.x))];
  const heights = heightsOf(curves);
  const layout = layoutOf(look, width);
  const [gap, heading, left, tall] = [18, 30, 58, 130];
  const across = gridColumns(panels.length, within(Math.floor((width - left) / 140), 1, panels.length));
  const lines = Math.ceil(panels.length / across);
  const side = (width - left - 12 - gap * (across - 1)) / across;
  const { ticks, height } = columnTicks(columns, side);
  const pitch = tall + heading + height + 24;
  const used = width - left - 12;
  const named = new Set();
  const inner = lines * pitch - heading;
  layout.margin = { l: left, r: 12, t: 52, b: 28 };
  layout.height = inner + 80;
  const data = panels.flatMap(([title, some], k) => {
    const suffix = k === 0 ? "" : k + 1;
    const first = k % across === 0;
    const last = k + across >= panels.length;
    const start = ((k % across) * (side + gap)) / used;
    const top = 1 - (Math.floor(k / across) * pitch) / inner;
    layout[`xaxis${suffix}`] = axis(look, last ? textOf(chart.x_title) : "", {
      domain: [start, Math.min(1, start + side / used)], anchor: `y${suffix}`, showgrid: false, ticks: "outside",
      range: [-0.5, columns.length - 0.5], automargin: false, ...categories(columns, ticks),
    });
    layout[`yaxis${suffix}`] = axis(look, "", {
      ...(chart.log_y ? logarithmic(heights) : {}), domain: [Math.max(0, top - tall / inner), top],
      anchor: `x${suffix}`, matches: k ? "y" : undefined, showticklabels: first, automargin: false,
    });
    layout.annotations.push({
      ...flat, text: textOf(shortened(title, Math.floor(side / 8))), x: start, y: top, xanchor: "left",
      yanchor: "bottom", yshift: 3,
    });
    const traces = curveTraces(chart, some, heights, width, { xaxis: `x${suffix}`, yaxis: `y${suffix}` });
    const isNew = ({ name, showlegend }) => showlegend !== false && !named.has(name) && named.add(name);
    return traces.map((trace) => ({ ...trace, showlegend: Boolean(isNew(trace)) }));
  });
  addLegend(layout, data, width - 90);
  layout.annotations.push({
    ...flat, text: textOf(chart.y_title), x: 0, y: 1, xanchor: "left", yanchor: "bottom", yshift: 26, xshift: 6 - left,
  });
  return { data, layout };
}

function barsFigure(chart, look, width) {
  const most = Math.floor(within(width / 22, 16, 44));
  const data = chart.series.map((series) => ({
    type: "bar", orientation: "h", name: legendText(series.name, width), marker: { color: series.color },
    y: places(chart.categories), x: series.values, customdata: chart.categories.map(textOf),
    hovertemplate: `%{customdata}: %{x:.4g}<extra>${textOf(series.name)}</extra>`,
    ...(series.errors ? { error_x: { array: series.errors.map((error) => 2 * error), color: look.ink, thickness: 1 } } : {}),
  }));
  const layout = layoutOf(look, width);
  const longest = Math.min(most, extent(chart.categories.map((name) => name.length))[1]);
  const thickness = chart.stacked ? within(700 / chart.categories.length, 18, 30) : 12 + 14 * chart.series.length;
  layout.height = thickness * chart.categories.length + 88;
  addLegend(layout, data, width - LETTER * longest - 30);
  layout.barmode = chart.stacked ? "relative" : "group";
  layout.bargap = 0.25;
  const title = broken(chart.x_title, width - LETTER * longest - 60);
  layout.xaxis = axis(look, title, { zeroline: true, zerolinecolor: look.ink });
  layout.yaxis = axis(look, "", {
    range: [chart.categories.length - 0.5, -0.5], showgrid: false, tickvals: places(chart.categories),
    ticktext: chart.categories.map((name) => textOf(shortened(name, most))),
  });
  return { data, layout };
}

function heatMapFigure(chart, look, width) {
  const narrow = width < NARROW;
  const names = chart.y.map((y) => shortened(String(y), narrow ? 16 : 30));
  const room = width - LETTER * Math.max(...names.map((name) => name.length)) - (narrow ? 40 : 140);
  const drawn = (value) => value !== null && (value > 0 || !chart.log);
  const found = chart.values.flat().filter(drawn);
  const [least, largest] = extent(found);
  const digits = (value) => (value === null ? "" : String(Number(value.toPrecision(2))));
  const longest = extent(chart.values.flat().map((value) => digits(value).length))[1];
  const cell = room / chart.x.length;
  const size = Math.min(11, (1.5 * cell) / longest);
  const gap = cell < 12 ? 0 : 1;
  const bar = colorBar(chart.title, chart.log && found.length ? powerTicks(...[least, largest].map(Math.log10)) : {});
  if (narrow) {
    Object.assign(bar, { orientation: "h", y: 1, yanchor: "bottom", ypad: 4, title: { ...bar.title, side: "top" } });
  }
  const data = [{
    type: "heatmap", x: places(chart.x), y: places(chart.y),
    z: chart.values.map((row) => row.map((value) => (!drawn(value) ? null : chart.log ? Math.log10(value) : value))),
    customdata: chart.values.map((row, i) =>
      row.map((value, j) => [textOf(chart.y[i]), textOf(chart.x[j]), short(value)])),
    text: chart.values.map((row) => row.map(digits)), texttemplate: chart.numbers && size >= 8 ? "%{text}" : "",
    ...(chart.numbers && !chart.log
      ? { colorscale: BLUES, textfont: { size, color: PAPER.ink } }
      : { colorscale: "Cividis", textfont: { size } }),
    ...(least >= 0 && !chart.log ? { zmin: 0, zmax: largest || 1 } : {}),
    xgap: gap, ygap: gap, colorbar: bar, hoverongaps: false, showscale: found.length > 0,
    hovertemplate: `%{customdata[0]}, ${textOf(chart.x_title)} %{customdata[1]}: %{customdata[2]}<extra></extra>`,
  }];
  const layout = layoutOf(look, width);
  const { ticks, height } = columnTicks(chart.x, room);
  layout.height = 82 + Math.max(120, within(640 / chart.y.length, 18, 34) * chart.y.length) + height;
  if (narrow) {
    layout.margin.t += 80;
    layout.height += 80;
  }
  layout.xaxis = axis(look, textOf(chart.x_title), { range: [-0.5, chart.x.length - 0.5], showgrid: false, ...ticks });
  layout.yaxis = axis(look, textOf(chart.y_title), {
    range: [chart.y.length - 0.5, -0.5], showgrid: false, tickvals: places(chart.y), ticktext: names.map(textOf),
  });
  return { data, layout };
}

/** Columns of a grid of pictures: as few lines as fit, without a gap in the last one if that is possible. */
function gridColumns(count, most) {
  for (let columns = most; columns > 1 && columns >= 0.4 * most; columns -= 1) {
    if (count % columns === 0) return columns;
  }
  return Math.ceil(count / Math.ceil(count / most));
}

function picturesFigure(chart, look, width) {
  const { pictures } = chart;
  const [gap, heading] = [14, 28];
  const ratio = ({ values: { shape: [height, across] } }) => height / across;
  const squeezed = (picture) => within(ratio(picture), 1 / 3, 3);
  const bar = pictures.some((picture) => picture.values.shape.length === 2) ? 70 : 0;
  const most = within(Math.floor(width / (pictures.length > 6 ? 130 : 210)), 1, pictures.length);
  const columns = gridColumns(pictures.length, most);
  const lines = Math.ceil(pictures.length / columns);
  const tallest = Math.max(...pictures.map(squeezed));
  const fitting = (width - bar - gap * (columns - 1)) / columns;
  const side = Math.min(lines > 2 && columns > 1 ? 220 : 340, 480 / tallest, fitting);
  const tall = side * tallest;
  const used = side * columns + gap * (columns - 1);
  const inner = Math.max(bar && 150, lines * (tall + heading) - heading);
  const layout = layoutOf(look, width);
  layout.margin = { l: 0, r: width - used, t: 26, b: 18 };
  layout.height = inner + 44;
  layout.dragmode = false;
  layout.coloraxis = {
    cmin: chart.low, cmax: chart.high, colorscale: chart.low === -chart.high ? DIVERGING : "Cividis",
    colorbar: colorBar(chart.title, {
      x: 1, xpad: 8, y: 1, yanchor: "top", lenmode: "pixels", len: Math.min(260, inner),
    }),
  };
  const data = pictures.map((picture, k) => {
    const values = pixelsOf(picture.values);
    const suffix = k === 0 ? "" : k + 1;
    const left = ((k % columns) * (side + gap)) / used;
    const top = 1 - (Math.floor(k / columns) * (tall + heading)) / inner;
    const right = Math.min(1, left + side / used);
    const square = ratio(picture) === squeezed(picture) ? { scaleanchor: `x${suffix}` } : {};
    const bare = { visible: false, constrain: "domain", fixedrange: true };
    layout[`xaxis${suffix}`] = { ...bare, domain: [left, right] };
    layout[`yaxis${suffix}`] = {
      ...bare, ...square, domain: [Math.max(0, top - tall / inner), top], autorange: "reversed", constraintoward: "top",
    };
    layout.annotations.push({
      ...flat, text: textOf(shortened(picture.title, Math.floor(side / 7.5))), x: (left + right) / 2, y: top,
      xanchor: "center", yanchor: "bottom",
    });
    const where = { xaxis: `x${suffix}`, yaxis: `y${suffix}`, x0: 1, y0: 1, name: textOf(picture.title) };
    if (picture.values.shape.length === 3) {
      const largest = extent(values.flat(2).map(Math.abs))[1] || 1;
      const level = (value) => Math.round(127.5 * (1 + value / largest));
      return {
        type: "image", ...where, z: values.map((row) => row.map((pixel) => pixel.map(level))),
        hovertemplate: "row %{y}, column %{x}<extra></extra>",
      };
    }
    return {
      type: "heatmap", ...where, z: values, coloraxis: "coloraxis",
      hovertemplate: "row %{y}, column %{x}: %{z:.2g}<extra></extra>",
    };
  });
  return { data, layout };
}

const FIGURES = { Curves: curvesFigure, Panels: panelsFigure, Bars: barsFigure, HeatMap: heatMapFigure, Pictures: picturesFigure };

const HEIGHTS = {
  Curves: (chart) => chart.curves.flatMap((curve) => curve.y),
  Panels: (chart) => Object.values(chart.panels).flat().flatMap((curve) => curve.y),
  Bars: (chart) => chart.series.flatMap((series) => series.values),
  HeatMap: (chart) => chart.values.flat(),
  Pictures: (chart) => chart.pictures.map(() => 0),
};

/** Traces and layout of a chart; one without a single number says so. */
function figureOf(chart, look, width) {
  const figure = FIGURES[chart.kind](chart, look, width);
  if (HEIGHTS[chart.kind](chart).every((value) => value === null)) {
    Object.assign(figure.layout[{ Curves: "yaxis", Bars: "xaxis" }[chart.kind]] ?? {}, { showticklabels: false });
    figure.layout.annotations.push({ ...flat, text: "No values", x: 0.5, y: 0.5 });
  }
  return figure;
}
