/** The script of both workers, told apart by name. As one, they share what both use: decoders and schemas are built and loaded once. */
import "./strict.ts";
import { serve } from "./rpc.ts";

const api =
  self.name === "compute"
    ? import("./compute.ts").then(({ compute }) => compute)
    : import("./images.ts").then(({ images }) => images);
serve(api);
// A worker that could not be loaded is not asked again: the page starts another one.
api.catch(reportError);
