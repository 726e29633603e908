// Charts as figures of plotly: functions of a chart, the colors of the page and the width in pixels.

/** From blue over white to red, as in ColorBrewer's RdBu. */
const DIVERGING = ["#053061", "#2166ac", "#4393c3", "#92c5de", "#f7f7f7", "#f4a582", "#d6604d", "#b2182b", "#67001f"]
  .map((color, i, all) => [i / (all.length - 1), color]);
/** Light enough for dark numbers on all of it. */
const BLUES = [[0, "#f0f6fb"], [1, "#5a9bd4"]];

function barsFigure(chart, look, width) {
  const most = Math.floor(within(width / 22, 16, 44));
  const data = chart.series.map((series) => ({
    type: "bar", orientation: "h", name: legendText(series.name, width), marker: { color: series.color },
    y: places(chart.categories), x: series.values, customdata: chart.categories.map(textOf),
    hovertemplate: `%{customdata}: %{x:.4g}<extra>${textOf(series.name)}</extra>`,
    ...(series.errors ? { error_x: { array: series.errors.map((error) => 2 * error), color: look.ink, thickness: 1 } } : {}),
  }));
  const layout = layoutOf(look, width);
  const names = chart.categories.map((name) => inTwo(name, most));
  const longest = extent(names.flat().map((name) => name.length))[1];
  const least = names.some((lines) => lines.length > 1) ? 36 : 0;
  const bars = chart.stacked ? within(700 / chart.categories.length, 18, 30) : 12 + 14 * chart.series.length;
  const thickness = Math.max(bars, least);
  layout.height = thickness * chart.categories.length + 88;
  addLegend(layout, data, width - LETTER * longest - 30);
  layout.barmode = chart.stacked ? "relative" : "group";
  layout.bargap = 0.25;
  const room = width - LETTER * longest - 60;
  layout.xaxis = axis(look, broken(chart.x_title, room), {
    zeroline: true, zerolinecolor: look.ink, nticks: within(Math.floor(room / 40), 3, 12),
  });
  layout.yaxis = axis(look, "", {
    range: [chart.categories.length - 0.5, -0.5], showgrid: false, tickvals: places(chart.categories),
    ticktext: names.map((lines) => lines.map(textOf).join("<br>")),
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
  const line = cell < 12 ? 0 : 1;
  const { ticks, height } = columnTicks(chart.x, room);
  const cells = Math.max(120, within(640 / chart.y.length, 18, 34) * chart.y.length);
  const gap = narrow ? (5 * LETTER) / room : 18 / (cells - 10);
  const ends = [least, largest].map(Math.log10);
  const bar = colorBar(chart.title, chart.log && found.length ? powerTicks(...ends, gap) : {});
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
    xgap: line, ygap: line, colorbar: bar, hoverongaps: false, showscale: found.length > 0,
    hovertemplate: `%{customdata[0]}, ${textOf(chart.x_title)} %{customdata[1]}: %{customdata[2]}<extra></extra>`,
  }];
  const layout = layoutOf(look, width);
  layout.height = 82 + cells + height;
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
      ...flat, text: textOf(shortened(picture.title, Math.floor(side / 9))), x: (left + right) / 2, y: top,
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
