// What the page holds compressed, and what waits until all is drawn.

const canUnpack = "DecompressionStream" in globalThis;

/** Text that an element holds compressed. */
async function unpacked(id) {
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

/** The plotting library, which a policy that knows its hash lets run. */
async function loaded() {
  const textContent = await unpacked("plotly");
  document.head.append(Object.assign(document.createElement("script"), { textContent }));
}

const DOT = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=";

/** Keep the page from being called loaded until a promise has ended, since who prints it or takes its picture without
    looking waits for that: one dot is loaded after the other. */
function holdLoad(promise) {
  const dot = Object.assign(new Image(), { onload: () => { dot.src = DOT; } });
  promise.finally(() => { dot.onload = null; });
  dot.src = DOT;
}
