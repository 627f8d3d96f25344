/** Calls between the page and its workers: methods with plain arguments, progress on the way, and a signal to stop. */

/** What a method gets beside its arguments. */
export interface CallContext<Event> {
  readonly emit: (event: Event) => void;
  readonly signal: AbortSignal;
}

/** A worker's methods. The last parameter of each is its context. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any method fits, whatever its parameters
export type Methods = Record<string, (...args: any[]) => Promise<unknown>>;

/** A method as its caller sees it. */
type Remote<Method> = Method extends (...args: [...infer Args, CallContext<infer Event>]) => Promise<infer Result>
  ? (...args: [...Args, CallOptions<Event>?]) => Promise<Result extends Handed<infer Value> ? Value : Result>
  : never;

export type RemoteApi<Api> = { readonly [Name in keyof Api]: Remote<Api[Name]> };

export interface CallOptions<Event> {
  onEvent?: (event: Event) => void;
  signal?: AbortSignal;
}

type Request = { id: number; method: string; args: unknown[] } | { id: number; stop: true };

type Answer =
  | { id: number; event: unknown }
  | { id: number; result: unknown }
  | { id: number; error: { name: string; message: string } };

/** A result whose buffers are handed over instead of copied. */
export class Handed<T> {
  readonly value: T;
  readonly transfer: Transferable[];
  constructor(value: T, transfer: Transferable[]) {
    this.value = value;
    this.transfer = transfer;
  }
}

/** An error of a worker's method. Its name is that of the original class. */
export class RemoteError extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

/** What a worker is, seen from inside. */
interface WorkerScope {
  postMessage: (message: unknown, transfer?: Transferable[]) => void;
  onmessage: ((event: MessageEvent<Request>) => void) | null;
}

/** Answers calls in a worker, from now on, even if what answers them is still being loaded. */
export function serve(api: Methods | Promise<Methods>, scope = self as unknown as WorkerScope): void {
  const running = new Map<number, AbortController>();
  scope.onmessage = ({ data }: MessageEvent<Request>) => {
    const { id } = data;
    if ("stop" in data) {
      running.get(id)?.abort();
      return;
    }
    const controller = new AbortController();
    running.set(id, controller);
    const emit = (event: unknown) => scope.postMessage({ id, event } satisfies Answer);
    const answer = (content: Answer, transfer: Transferable[] = []) => {
      running.delete(id);
      scope.postMessage(content, transfer);
    };
    const context: CallContext<unknown> = { emit, signal: controller.signal };
    void (async () => (await api)[data.method]!(...data.args, context))().then(
      (result) =>
        result instanceof Handed ? answer({ id, result: result.value }, result.transfer) : answer({ id, result }),
      (thrown: unknown) => {
        const { name, message } = thrown instanceof Error ? thrown : new Error(String(thrown));
        answer({ id, error: { name, message } });
      },
    );
  };
}

/** A worker's methods, to be called from the page. @param onFailure the worker itself failed, and with it all its calls */
export function connect<Api>(worker: Worker, onFailure: (error: Error) => void): RemoteApi<Api> {
  const waiting = new Map<
    number,
    {
      resolve: (value: unknown) => void;
      reject: (error: Error) => void;
      onEvent: ((event: unknown) => void) | undefined;
    }
  >();
  let next = 0;
  const fail = (message: string) => {
    const error = new RemoteError("WorkerError", message);
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
    onFailure(error);
  };
  worker.onmessage = ({ data }: MessageEvent<Answer>) => {
    const call = waiting.get(data.id);
    if (!call) return;
    if ("event" in data) {
      call.onEvent?.(data.event);
      return;
    }
    waiting.delete(data.id);
    if ("error" in data) call.reject(new RemoteError(data.error.name, data.error.message));
    else call.resolve(data.result);
  };
  worker.onerror = ({ message }) => fail(message || "the worker could not be loaded");
  const call = (method: string, given: unknown[]) => {
    const last = given.at(-1);
    const options = (isOptions(last) ? given.pop() : {}) as CallOptions<unknown>;
    const id = next++;
    return new Promise<unknown>((resolve, reject) => {
      waiting.set(id, { resolve, reject, onEvent: options.onEvent });
      worker.postMessage({ id, method, args: given } satisfies Request);
      const stop = () => worker.postMessage({ id, stop: true } satisfies Request);
      if (options.signal?.aborted) stop();
      options.signal?.addEventListener("abort", stop, { once: true });
    });
  };
  return new Proxy({} as RemoteApi<Api>, {
    get: (_, method) => (typeof method === "string" ? (...given: unknown[]) => call(method, given) : undefined),
  });
}

const optionNames = new Set(["onEvent", "signal"]);

/** Functions and signals cannot be arguments: an object that holds one is the options. */
const isOptions = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  Object.getPrototypeOf(value) === Object.prototype &&
  Object.keys(value).length > 0 &&
  Object.keys(value).every((key) => optionNames.has(key));
