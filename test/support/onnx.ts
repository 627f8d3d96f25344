/** Runs ONNX models by onnxruntime-web, which this project did not write. */
import * as ort from "onnxruntime-web";

ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";

export interface OnnxArray {
  readonly shape: readonly number[];
  readonly data: Float32Array | Uint8Array;
}

export type OnnxOutputs = Readonly<Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>>;

/** Loads a model. */
export async function onnxSession(bytes: Uint8Array) {
  const session = await ort.InferenceSession.create(bytes);
  const tensorOf = ({ shape, data }: OnnxArray) =>
    new ort.Tensor(data instanceof Uint8Array ? "uint8" : "float32", data, shape);
  const runAll = async (inputs: Readonly<Record<string, OnnxArray>>): Promise<OnnxOutputs> => {
    const feeds = Object.entries(inputs).map(([name, array]) => [name, tensorOf(array)]);
    const found = await session.run(Object.fromEntries(feeds) as Record<string, ort.Tensor>);
    const outputs = Object.entries(found).map(([name, { dims, data }]) => [name, { shape: dims, data }]);
    return Object.fromEntries(outputs) as OnnxOutputs;
  };
  return { inputs: session.inputNames, outputs: session.outputNames, runAll, release: () => session.release() };
}
