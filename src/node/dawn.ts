// WebGPU on Node: opens Dawn's adapter. The launcher (vulkan/) provides the Vulkan driver.
import { commandLine } from "./command-line.ts";
import { missing } from "./packages.mjs";

/** No adapter is available. The message is for the user at the terminal. */
export class AdapterError extends Error {
  override name = "AdapterError";
}

/** Which adapter Dawn opens, and how. */
export interface DawnOptions {
  /** Part of the adapter's name, e.g. "llvmpipe" or "NVIDIA", or its position in the list of adapters. Default: the fastest, by Dawn's estimate. */
  readonly adapter?: string | undefined;
  /** Dawn toggles to enable (Dawn's src/dawn/native/Toggles.cpp). Dawn ignores unknown ones. */
  readonly toggles?: readonly string[] | undefined;
}

/**
 * One Dawn instance per set of flags, never released: Dawn crashes if what create() returns is collected while one of its
 * devices lives. Each instance also enumerates adapters anew, which takes time, and on lavapipe prints two irrelevant warnings
 * about limits. Dawn prints them unconditionally (Limits.cpp) before any device or limit is requested, straight to descriptor 2,
 * which Node cannot redirect within a process: only the launcher filters them.
 */
const instances = new Map<string, GPU>();

/**
 * Opens Dawn and requests an adapter. Defines WebGPU's globals (GPUBufferUsage, ...), as in a browser.
 *
 * Timestamps are not rounded (Dawn rounds to 100 us by default, longer than many kernels).
 * @throws AdapterError if there is no adapter, or none of that name
 */
export async function openDawn(options: DawnOptions = {}): Promise<{ gpu: GPU; adapter: GPUAdapter }> {
  // Imported here so that a binary that fails to load gives a readable message.
  const { create, globals } = await import("webgpu").catch((error: unknown) => {
    throw new AdapterError(`The npm package webgpu (Dawn) does not load: ${missing("webgpu") ?? messageOf(error)}`, {
      cause: error,
    });
  });
  if (!("GPUBufferUsage" in globalThis)) Object.assign(globalThis, globals);
  const flags = ["disable-dawn-features=timestamp_quantization"];
  if (options.toggles?.length) flags.push(`enable-dawn-features=${options.toggles.join(",")}`);
  if (options.adapter) flags.push(`adapter=${await adapterNamed(options.adapter)}`);
  const key = flags.join(" ");
  const gpu = instances.get(key) ?? create(flags);
  instances.set(key, gpu);
  // For an unknown name Dawn throws an error that lists the available names.
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" }).catch((error: unknown) => {
    const names = namesIn(messageOf(error)).map((name) => `"${name}"`);
    const known = names.length > 0 ? `there is ${names.join(", ")}` : messageOf(error);
    throw new AdapterError(`No adapter is called "${options.adapter ?? ""}"; ${known}`, { cause: error });
  });
  if (!adapter) throw new AdapterError(noAdapter());
  return { gpu, adapter };
}

/** Names of all adapters, in Dawn's order: identical cards have the same name, which stands here as often. Empty if there is none. */
export async function adapterNames(): Promise<string[]> {
  const { create, globals } = await import("webgpu");
  if (!("GPUBufferUsage" in globalThis)) Object.assign(globalThis, globals);
  // Dawn lists them when it is asked for one that cannot be.
  const key = "adapter=(none is called this)";
  const gpu = instances.get(key) ?? create([key]);
  instances.set(key, gpu);
  const list = await gpu.requestAdapter().then(
    () => "",
    (error: unknown) => messageOf(error),
  );
  return namesIn(list);
}

/**
 * The name by which Dawn finds an adapter.
 * @param text a part of its name, or its position, from 0, among all adapters
 * @throws AdapterError for a position that none has, or one whose adapter Dawn cannot tell from an earlier one
 */
export async function adapterNamed(text: string, names?: readonly string[]): Promise<string> {
  if (!/^\d+$/.test(text)) return text;
  const all = names ?? (await adapterNames());
  const name = all[Number(text)];
  if (name === undefined) {
    if (all.some((other) => other.includes(text))) return text;
    const list = all.map((other, i) => `${i} "${other}"`).join(", ");
    throw new AdapterError(`No adapter has the position ${text}; there is ${list || "none"}`);
  }
  const first = all.findIndex((other) => other.includes(name));
  if (first === Number(text)) return name;
  throw new AdapterError(
    `Adapter ${text} cannot be told from adapter ${first}: both are called "${name}", and WebGPU on Node takes the first. Let each process see only its own card, as Slurm or a container can`,
  );
}

const namesIn = (list: string): string[] => [...list.matchAll(/^\s*\* .*name: '(.*)'$/gm)].map(([, name]) => name!);

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The likely reason, and what to do. */
function noAdapter(): string {
  const none = "Dawn finds no GPU adapter.";
  if (process.platform !== "linux") return `${none} Install a driver for this machine's GPU.`;
  const { MGANET_VULKAN, VK_ICD_FILENAMES } = process.env;
  if (!MGANET_VULKAN)
    return (
      `${none} On a machine without a GPU driver, start the program through the launcher (${commandLine("COMMAND")}), ` +
      `or prepare the shell first: eval "$(${commandLine("env")})"`
    );
  return (
    `${none} The driver that was chosen${VK_ICD_FILENAMES ? ` (${VK_ICD_FILENAMES})` : ""} is gone or no longer works; ` +
    `choose again: eval "$(${commandLine("env", "--fresh")})"`
  );
}
