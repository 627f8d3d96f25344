/** What tuning found out about an adapter: the fastest variant of each kernel, shape by shape. */
import type { Gpu } from "../gpu/gpu.ts";
import type { Choice } from "../graph/choice.ts";
import { selectVariants } from "../graph/passes/variant-selection.ts";
import { everyVariant } from "../kernels/every.ts";
import { type Kernel, type Lowering } from "../kernels/kernel.ts";
import { piecesOf } from "../kernels/parts.ts";
import { codeOf, hash, labelOf, shapesOf, unitsOf, variantNames } from "./key.ts";
import type { TuningStore } from "./store.ts";

const FORMAT = "mganet-tuning-1";

/** The winner among the variants of one kernel over a number of images. */
export interface Entry {
  /** Kernel and shapes over one image. */
  label: string;
  /** Hash of the variants' code: an entry is valid for no other. */
  code: string;
  /** Images it was measured on; 1 where there are none. */
  units: number;
  /** The fastest variant of those that agree with the plain one. */
  variant: string;
}

interface Adapter {
  vendor: string;
  architecture: string;
  device: string;
  /** The driver and its version, where the implementation reports them. */
  driver: string;
}

interface RecordFile {
  format: typeof FORMAT;
  adapter: Adapter;
  entries: Entry[];
}

/** Whether a value has these keys, and no others. */
const hasExactly = (value: unknown, keys: readonly string[]): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && Object.keys(value).sort().join() === [...keys].sort().join();

const areTexts = (values: readonly unknown[]): boolean => values.every((value) => typeof value === "string");

const isAdapter = (value: unknown): boolean =>
  hasExactly(value, ["vendor", "architecture", "device", "driver"]) && areTexts(Object.values(value));

const isEntry = (value: unknown): boolean =>
  hasExactly(value, ["label", "code", "units", "variant"]) &&
  areTexts([value["label"], value["code"], value["variant"]]) &&
  Number.isSafeInteger(value["units"]) &&
  (value["units"] as number) >= 1;

const isRecordFile = (value: unknown): value is RecordFile =>
  hasExactly(value, ["format", "adapter", "entries"]) &&
  value["format"] === FORMAT &&
  isAdapter(value["adapter"]) &&
  Array.isArray(value["entries"]) &&
  value["entries"].every(isEntry);

const adapterOf = ({ info }: Gpu): Adapter => {
  const { vendor, architecture, device, description: driver } = info;
  return { vendor, architecture, device, driver };
};

/** The fastest variant of each kernel that was tuned on an adapter; a device that has one compiles by it. */
export class TuningRecord {
  readonly #adapter: Adapter;
  readonly #entries = new Map<string, Entry[]>();

  constructor(gpu: Gpu) {
    this.#adapter = adapterOf(gpu);
  }

  /** The name under which a store keeps it. A new driver's record replaces the old driver's. */
  get name(): string {
    const { vendor, architecture, device } = this.#adapter;
    const readable = `${vendor}-${device || architecture}`.toLowerCase().replace(/[^a-z0-9]+/g, "-");
    return `${readable.slice(0, 40).replace(/^-|-$/g, "")}-${hash(`${vendor}|${architecture}|${device}`).slice(0, 8)}`;
  }

  /** The number of kernels in it. */
  get size(): number {
    return [...this.#entries.values()].reduce((sum, list) => sum + list.length, 0);
  }

  /**
   * The record of the adapter that `gpu` runs on; empty if there is none that can be used. `reason` then says why, in a few
   * words, unless there simply is no record.
   */
  static async load(gpu: Gpu, store: TuningStore): Promise<{ record: TuningRecord; reason?: string }> {
    const record = new TuningRecord(gpu);
    const empty = (reason: string) => ({ record, reason });
    let text: string | undefined;
    try {
      text = await store.read(record.name);
    } catch (error) {
      return empty(error instanceof Error ? error.message : String(error));
    }
    if (text === undefined) return { record };
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      return empty("it is not JSON");
    }
    if (!isRecordFile(json)) {
      const { format } = (json ?? {}) as { format?: unknown };
      const other = typeof format === "string" && format !== FORMAT;
      return empty(other ? `its format is ${format.slice(0, 40)}, not ${FORMAT}` : "it is not a tuning record");
    }
    const { adapter, entries } = json;
    const own = record.#adapter;
    if (adapter.driver !== own.driver)
      return empty(`it belongs to another driver (${adapter.driver.slice(0, 80) || "unnamed"})`);
    if ((["vendor", "architecture", "device"] as const).some((key) => adapter[key] !== own[key]))
      return empty(`it belongs to another adapter (${adapter.device.slice(0, 80)})`);
    for (const entry of entries) record.add(entry);
    return { record };
  }

  /** Saves it. What others wrote in the meantime about other shapes stays. */
  async save(gpu: Gpu, store: TuningStore): Promise<void> {
    const { record: merged } = await TuningRecord.load(gpu, store);
    for (const list of this.#entries.values()) {
      merged.#entries.set(list[0]!.label, []);
      for (const entry of list) merged.add(entry);
    }
    const entries = [...merged.#entries.values()].flat();
    const lines = entries.map((entry) => `    ${JSON.stringify(entry)}`).join(",\n");
    const head = `"format": ${JSON.stringify(FORMAT)},\n  "adapter": ${JSON.stringify(this.#adapter)}`;
    await store.write(this.name, `{\n  ${head},\n  "entries": [\n${lines}\n  ]\n}\n`);
  }

  /** Adds a winner, replacing an earlier one of the same kernel over the same number of images. */
  add(entry: Entry): void {
    const same = ({ code, units }: Entry) => code === entry.code && units === entry.units;
    const others = (this.#entries.get(entry.label) ?? []).filter((e) => !same(e));
    this.#entries.set(entry.label, [...others, entry]);
  }

  /** Forgets what was measured with other versions of this kernel's code, such as before an upgrade. */
  forgetOthers(label: string, codes: ReadonlySet<string>): void {
    const kept = (this.#entries.get(label) ?? []).filter((e) => codes.has(e.code));
    if (kept.length > 0) this.#entries.set(label, kept);
    else this.#entries.delete(label);
  }

  /** The winner's name among a kernel's variants: that for the nearest number of images, with the current code. */
  winner(gpu: Gpu, kernel: Kernel): string | undefined {
    const known = this.#entries.get(labelOf(kernel));
    if (!known) return undefined;
    const code = codeOf(kernel, gpu.caps);
    const distance = ({ units }: Entry) => Math.abs(Math.log(units / unitsOf(kernel)));
    const [nearest] = known.filter((e) => e.code === code).sort((a, b) => distance(a) - distance(b));
    return nearest?.variant;
  }

  /** Chooses by this record. `onUse` is called when it first decides. */
  choice(gpu: Gpu, onUse?: () => void): Choice {
    let used = false;
    // A graph calls most kernels many times, and hashing their code takes a while.
    const known = new Map<string, string | undefined>();
    const winner = (kernel: Kernel, variants: readonly Lowering[]) => {
      const sizes = variants.flatMap((v) => v.dispatches.map((d) => [d.code.length, d.workgroups, d.params]));
      const key = `${kernel.name} ${shapesOf(kernel)} ${JSON.stringify(sizes)}`;
      if (!known.has(key)) known.set(key, this.winner(gpu, kernel));
      return known.get(key);
    };
    return (kernel, variants) => {
      if (variants.length < 2) return undefined;
      const name = winner(kernel, variants);
      const chosen = name === undefined ? undefined : variants[variantNames(variants).indexOf(name)];
      if (chosen && !used) onUse?.();
      used ||= chosen !== undefined;
      return chosen;
    };
  }
}

/**
 * A hash of the variants that plans of these kernels use only because of `choice`; "fixed" if there are none.
 */
export function choiceFingerprint(gpu: Gpu, plans: readonly (readonly Kernel[])[], choice: Choice): string {
  const others = new Set<string>();
  for (const plan of plans) {
    const kernels = plan.flatMap((kernel) => piecesOf(kernel, gpu.caps));
    const all = kernels.map((kernel) => ({ kernel: kernel.name, variants: everyVariant(kernel, gpu.caps) }));
    const fixed = selectVariants(all);
    const tuned = selectVariants(
      all.map(({ kernel, variants }, i) => {
        const chosen = choice(kernels[i]!, variants);
        return { kernel, variants: chosen ? [chosen] : variants };
      }),
    );
    for (const [i, kernel] of kernels.entries()) {
      const [taken, { variants }] = [tuned[i]!, all[i]!];
      if (taken === fixed[i]) continue;
      const name = variantNames(variants)[variants.indexOf(taken)]!;
      others.add(`${kernel.name} ${shapesOf(kernel)} ${hash(JSON.stringify(taken))} ${name}`);
    }
  }
  return others.size > 0 ? hash([...others].sort().join("\n")) : "fixed";
}
