// Curves as figures of plotly: on one pair of axes, and as small multiples.

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

/** Triangles on the edge of the shown heights, where a curve leaves them. */
function beyondMarks([low, high], { x, y, ...line }) {
  const side = (value) => (value === null || (value >= low && value <= high) ? 0 : value > high ? 1 : -1);
  const sides = y.map(side);
  const leaving = places(y).filter((i) => sides[i] && (sides[i - 1] === 0 || sides[i + 1] === 0));
  return {
    ...line, x: leaving.map((i) => x[i]), y: leaving.map((i) => (sides[i] > 0 ? high : low)), mode: "markers",
    marker: { color: line.marker.color, size: 9, symbol: leaving.map((i) => (sides[i] > 0 ? "triangle-up" : "triangle-down")) },
    customdata: leaving.map((i) => y[i]), cliponaxis: false, showlegend: false,
    hovertemplate: line.hovertemplate.replace("%{y:", "%{customdata:"),
  };
}

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
      ...line, y: shown(values), mode: "lines", line: { ...line.line, width: 0.8 }, opacity: 0.8, showlegend: false,
      hovertemplate: `${textOf(chart.x_title)} %{x}: %{y:.4g}<extra>${textOf(`${curve.name}, ${seed}`)}</extra>`,
    }));
    const beyond = chart.y_range ? [beyondMarks(chart.y_range, line)] : [];
    if (!curve.low) return [...seeds, line, ...beyond];
    const band = {
      ...group, ...outlines(curve, floor), mode: "lines", line: { width: 1, color: transparent(curve.color, 0.4) },
      fill: "toself", fillcolor: transparent(curve.color, 0.2), hoverinfo: "skip", showlegend: false,
    };
    return [band, line, ...beyond];
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
