// Keeps the page for the time without a network, and adds the headers without which a browser gives no threads.
//
// Threads of WebAssembly need a page that is isolated from other origins: the headers Cross-Origin-Opener-Policy and
// Cross-Origin-Embedder-Policy. Few static hosts send them, so they are added here, from the second load on.

const KEPT = `fastnst ${self.registration.scope}`;

const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; " +
  "connect-src 'self'; worker-src 'self'; media-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'none'";

// A file below these never changes: its address does.
const LASTING = /^(models|runtime)\//;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const inside = request.url.startsWith(self.registration.scope);
  const path = request.url.slice(self.registration.scope.length);
  if (request.method === "GET" && inside && !path.startsWith("v1/")) event.respondWith(answer(request, path));
});

// The page sends the addresses of all that it consists of; whatever else was kept is forgotten.
self.addEventListener("message", (event) => event.waitUntil(keep(event.data.keep, event.ports[0])));

async function answer(request, path) {
  const cache = await caches.open(KEPT);
  if (LASTING.test(path)) {
    const kept = await cache.match(request.url);
    if (kept) return isolated(kept);
  }
  try {
    const found = await fetch(request, { cache: "no-cache" });
    if (found.type === "opaqueredirect") return found; // of a navigation, which the browser follows
    if (found.status === 200) await cache.put(request.url, found.clone());
    return isolated(found);
  } catch {
    const kept = await cache.match(request.url, { ignoreSearch: true });
    return kept ? isolated(kept) : Response.error();
  }
}

async function keep(addresses, port) {
  const cache = await caches.open(KEPT);
  const wanted = new Set(addresses.map((address) => new URL(address, self.registration.scope).href));
  try {
    for (const url of wanted) if (!(await cache.match(url))) await cache.add(url);
    for (const { url } of await cache.keys()) if (!wanted.has(url)) await cache.delete(url); // once all is there
    port.postMessage(true);
  } catch {
    port.postMessage(false); // no network, or no room: what is there stays
  }
}

function isolated(response) {
  const headers = new Headers(response.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  headers.set("Cross-Origin-Resource-Policy", "same-origin");
  headers.set("Content-Security-Policy", POLICY);
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
