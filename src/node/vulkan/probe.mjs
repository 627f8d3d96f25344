// Reports which adapter Dawn finds in this environment; a separate process, because a broken driver can crash it. Prints one
// line of JSON; `loadError` if the webgpu package itself does not load.
let webgpu;
try {
  webgpu = await import("webgpu");
} catch (error) {
  console.log(JSON.stringify({ loadError: error instanceof Error ? error.message : String(error) }));
  process.exit(0);
}
Object.assign(globalThis, webgpu.globals);
const gpu = webgpu.create([]);
Object.assign(globalThis, { gpu }); // Must not be collected while the device lives (Dawn crashes).
const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
// An adapter that creates no device is useless.
const device = await adapter?.requestDevice();
const info = adapter?.info;
console.log(
  JSON.stringify(
    info && device
      ? { description: info.description || info.device || info.vendor, software: info.isFallbackAdapter === true }
      : {},
  ),
);
process.exit(0);
