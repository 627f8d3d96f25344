import script from "../worker/worker.ts?worker&url";

/**
 * Starts one of the page's two workers: "compute" owns the GPU, "images" keeps the projects. A worker takes its policy from the headers
 * of its own script, which a plain web server does not send; only one whose script lies in the page itself takes the page's.
 */
export function startWorker(name: "compute" | "images"): Worker {
  const entry = `import ${JSON.stringify(new URL(script, document.baseURI).href)};`;
  const url = URL.createObjectURL(new Blob([entry], { type: "text/javascript" }));
  return new Worker(url, { type: "module", name });
}
