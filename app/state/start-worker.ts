import PageWorker from "../worker/worker.ts?worker";

/** Starts one of the page's two workers: "compute" owns the GPU, "images" keeps the projects. */
export const startWorker = (name: "compute" | "images"): Worker => new PageWorker({ name });
