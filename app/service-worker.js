/** Answers from a cache of the page's own files, so that the page works without a network after the first visit. */
const NAME = `mganet-${"VERSION"}`;
/** @type {readonly string[]} The build fills in what every visit needs, and the other files of the page. */
const FIRST = [/* FIRST */];
/** @type {readonly string[]} */
const LATER = [/* LATER */];

const scope = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

scope.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(NAME)
      .then((cache) => cache.addAll(["./", ...FIRST].map((file) => new Request(file, { cache: "reload" }))))
      .then(() => scope.skipWaiting()),
  );
});

scope.addEventListener("activate", (event) => {
  const removeOld = async () => {
    const old = (await caches.keys()).filter((name) => name.startsWith("mganet-") && name !== NAME);
    await Promise.all(old.map((name) => caches.delete(name)));
    await scope.clients.claim();
  };
  event.waitUntil(removeOld());
});

scope.addEventListener("fetch", (event) => {
  if (event.request.method !== "GET" || new URL(event.request.url).origin !== scope.location.origin) return;
  const answer = async () => {
    const cache = await caches.open(NAME);
    return (await cache.match(event.request, { ignoreSearch: true })) ?? fetch(event.request);
  };
  event.respondWith(answer());
});

/** The page asks for the rest once it has nothing better to do, and is told when all is there. */
scope.addEventListener("message", (event) => {
  const [port] = event.ports;
  const rest = async () => {
    const cache = await caches.open(NAME);
    for (const file of LATER) if (!(await cache.match(file))) await cache.add(file);
  };
  event.waitUntil(
    rest().then(
      () => port?.postMessage(true),
      () => port?.postMessage(false),
    ),
  );
});
