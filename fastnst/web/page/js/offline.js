// The service worker: threads at the second load, and no network after it.

/** Register it. The page is loaded once more where the host's headers allow no threads, unless it is `inUse`. */
export async function serveOurselves(inUse) {
  try {
    await navigator.serviceWorker.register("sw.js");
    await navigator.serviceWorker.ready;
  } catch {
    return; // a private window, or an address without https: one thread, and a network each time
  }
  const tried = sessionStorage.getItem("reloaded");
  if (window.crossOriginIsolated || tried || inUse()) return;
  sessionStorage.setItem("reloaded", "yes");
  location.reload();
  await new Promise(() => {}); // nothing more is begun on the page that goes
}

/** Keep all that painting needs; resolves to whether it is. */
export async function keepAll({ files, models, runtime }, engine) {
  const worker = navigator.serviceWorker?.controller;
  if (!worker) return false;
  const { script, glue, binary } = runtime[engine === "WebGPU" ? "webgpu" : "wasm"];
  const graphs = models.map(({ file }) => file);
  const { port1, port2 } = new MessageChannel();
  const kept = new Promise((resolve) => {
    port1.onmessage = ({ data }) => resolve(data);
  });
  worker.postMessage({ keep: ["./", ...files, script, glue, binary, ...graphs] }, [port2]);
  return kept;
}

/** A server that paints wants no page of before. */
export async function forget() {
  for (const worker of (await navigator.serviceWorker?.getRegistrations()) ?? []) await worker.unregister();
}
