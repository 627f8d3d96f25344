/** Images followed through a training: which, what is kept of them, and that the training does not notice. */
import { expect, test } from "vitest";
import { benignMalignant } from "../../src/data/classes.ts";
import { readPng } from "../../src/data/pictures/png.ts";
import { defaultFollowed } from "../../src/runs/follow.ts";
import { readFollowed, thinned, type FollowedEpoch } from "../../src/runs/followed.ts";
import type { RunEvent } from "../../src/runs/events.ts";
import { Run } from "../../src/runs/run.ts";
import { InputError } from "../../src/runs/store.ts";
import { train, type TrainTask } from "../../src/runs/train.ts";
import { PageImages } from "../../src/web/image-source.ts";
import { preparedImages } from "../data/prepared.ts";
import { useGpu } from "../support/gpu.ts";
import { mganetConfig } from "../support/mganet.ts";
import { MemoryStore } from "../support/memory-store.ts";

const gpu = useGpu();
const config = mganetConfig({
  ...{ width: 1 / 16, size: [32, 32], batch: 4, crop: "none", evalEvery: 2 },
  ...{ phantomImages: 20, epochs: { segmentation: 1, joint: 2 } },
});

async function trained(follow: TrainTask["follow"], store = new MemoryStore(), signal?: AbortSignal) {
  const events: RunEvent[] = [];
  const resumed = (await store.list()).length > 0 ? await Run.open(store) : undefined;
  const summary = await train({
    ...{ gpu: gpu(), store, config, source: new PageImages(), emit: (event) => events.push(event), saveEvery: 0 },
    ...{ follow, resumed, ...(signal ? { signal } : {}) },
  });
  const losses = events.flatMap((event) => (event.type === "step" ? [event.loss] : []));
  return { store, events, summary, losses };
}

test("the weights and losses are the same, bit for bit, with and without; the record tells each epoch", async () => {
  const without = await trained(undefined);
  const followed = await trained("default");
  expect(followed.losses).toEqual(without.losses);
  for (const file of ["last.safetensors", "best.safetensors"]) {
    expect(await followed.store.read(file), file).toEqual(await without.store.read(file));
  }
  expect(await without.store.exists("followed.json")).toBe(false);

  const { images, epochs } = (await readFollowed(followed.store))!;
  expect(images.map(({ label, side }) => [label, side])).toEqual(
    expect.arrayContaining([
      [0, "val"],
      [1, "val"],
    ]),
  );
  expect(images.length).toBe(4);
  for (const { png, width, height } of images) {
    const header = readPng(Uint8Array.from(atob(png), (c) => c.charCodeAt(0)));
    expect(header).toMatchObject({ width, height });
  }
  // After every epoch, evaluated or not; probabilities once there is a classifier.
  expect(epochs.map(({ stage, epoch }) => `${stage} ${epoch}`)).toEqual(["segmentation 1", "joint 1", "joint 2"]);
  expect(epochs[0]!.probabilities).toEqual([null, null, null, null]);
  for (const { probabilities, rings } of epochs.slice(1)) {
    for (const p of probabilities) expect(p![0]! + p![1]!).toBeCloseTo(1, 6);
    for (const [x, y] of rings!.flat(3).length > 0 ? rings!.flat().flatMap((ring) => ring ?? []) : []) {
      expect([x >= 0 && x <= 32, y >= 0 && y <= 32]).toEqual([true, true]);
    }
  }
  const told = followed.events.filter(({ type }) => type === "following" || type === "followed");
  expect(told.map(({ type }) => type)).toEqual(["following", "followed", "followed", "followed"]);
  expect(told.flatMap((event) => (event.type === "followed" ? [event.epoch] : []))).toEqual(epochs);
});

test("a resumed run follows the same images, whatever is asked for then, and forgets what it trains again", async () => {
  const [first] = (await new PageImages().prepare(config)).prepared;
  const controller = new AbortController();
  const store = new MemoryStore();
  const events: RunEvent[] = [];
  await train({
    ...{ gpu: gpu(), store, config, source: new PageImages(), saveEvery: 0, follow: [first!.id, "nowhere"] },
    signal: controller.signal,
    emit(event) {
      events.push(event);
      if (event.type === "step" && event.stage === "joint") controller.abort(new InputError("stopped"));
    },
  });
  expect(events).toContainEqual({
    ...{ type: "remark", text: "nowhere is not among this run's images: it is not followed" },
  });
  const { events: later, summary } = await trained("default", store);
  expect(summary).toBeDefined();
  const following = later.find(({ type }) => type === "following");
  expect(following).toMatchObject({ images: [{ id: first!.id }], epochs: [{ stage: "segmentation", epoch: 1 }] });
  const { images, epochs } = (await readFollowed(store))!;
  expect(images.map(({ id }) => id)).toEqual([first!.id]);
  expect(epochs.map(({ stage, epoch }) => `${stage} ${epoch}`)).toEqual(["segmentation 1", "joint 1", "joint 2"]);
});

test("a record that cannot be read is none", async () => {
  const store = new MemoryStore();
  await store.write("followed.json", '{ "format": "mganet-followed-1", "images": [{ "id": "<img>" }], "epochs": [] }');
  expect(await readFollowed(store)).toBeUndefined();
  await store.write("followed.json", "{");
  expect(await readFollowed(store)).toBeUndefined();
});

test("two held-out images of each class are followed, of different patients; without classes the first four", () => {
  const images = preparedImages(12, 4, 4).map((p, i) => ({
    ...p,
    id: `${i}`,
    group: `${i}`,
    label: i % 3 === 2 ? undefined : i % 3,
  }));
  const ids = (some: readonly { id: string }[]) => some.map(({ id }) => id);
  expect(ids(defaultFollowed(images, benignMalignant))).toEqual(["0", "1", "3", "4"]);
  const one = images.map((p, i) => ({ ...p, group: i < 4 ? "patient 1" : p.group }));
  expect(ids(defaultFollowed(one, benignMalignant))).toEqual(["0", "4", "6", "7"]);
  const classes = { names: ["a", "b", "c"], positive: 0 };
  const three = images.map((p, i) => ({ ...p, label: i % 3 }));
  expect(ids(defaultFollowed(three, classes))).toEqual(["0", "1", "2"]);
  const none = images.map((p) => ({ ...p, label: undefined }));
  expect(ids(defaultFollowed(none, benignMalignant))).toEqual(["0", "1", "2", "3"]);
});

test("outlines of at most 16 epochs and the newest are kept, probabilities of all", () => {
  const epochs = Array.from({ length: 100 }, (_, i): FollowedEpoch => {
    return { stage: "joint", epoch: i + 1, step: i, probabilities: [[0.5, 0.5]], rings: [[]] };
  });
  // One by one, as they come.
  let kept: FollowedEpoch[] = [];
  for (const epoch of epochs) kept = thinned([...kept, epoch]);
  expect(kept).toEqual(thinned(epochs));
  expect(kept.length).toBe(100);
  const outlined = kept.filter(({ rings }) => rings).map(({ epoch }) => epoch);
  expect(outlined).toEqual([1, 9, 17, 25, 33, 41, 49, 57, 65, 73, 81, 89, 97, 100]);
});
