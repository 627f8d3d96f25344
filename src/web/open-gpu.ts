/** Opens the GPU device in a page or in its worker. */
import { type Restrictions } from "../gpu/capabilities.ts";
import { DeviceLostError, Gpu, GpuError } from "../gpu/gpu.ts";

/** This browser or page cannot use a GPU. The message is for the user. */
export class AdapterError extends GpuError {
  override name = "AdapterError";

  constructor(message: string, options?: ErrorOptions) {
    super("no-adapter", message, options);
  }
}

/** How a page's device is opened. */
export interface PageGpuOptions extends Restrictions {
  /**
   * The browser has taken the device away, as it does when the driver fails or the machine sleeps; not called after `destroy()`. All
   * that computes on it then fails with the same error, and another device can be opened.
   */
  onLost?: (error: DeviceLostError) => void;
}

/** @throws AdapterError if WebGPU is missing or refused; GpuError if the adapter gives no device */
export async function openGpu({ onLost, ...options }: PageGpuOptions = {}): Promise<Gpu> {
  const gpu = await Gpu.create(await requestAdapter(), options);
  void gpu.device.lost.then(({ reason, message }) => {
    if (reason !== "destroyed") onLost?.(new DeviceLostError(message || reason));
  });
  return gpu;
}

const LOST_TWICE =
  "the browser gives this page no GPU any more, as it was lost more than once: wait some minutes and reload the page, or restart the browser";

/** A device that is kept, with its compiled pipelines, until it fails: whoever asks next then gets another one. */
export class KeptGpu {
  #gpu: Promise<Gpu> | undefined;
  #wasLost = false;

  /** @throws AdapterError, GpuError as `openGpu` does */
  async open(): Promise<Gpu> {
    await this.closeFailed();
    this.#gpu ??= openGpu().catch((error: unknown) => {
      // Chromium gives a page that has seen its devices fail twice within minutes no further one for a while.
      throw this.#wasLost && error instanceof AdapterError ? new AdapterError(LOST_TWICE, { cause: error }) : error;
    });
    return this.#gpu;
  }

  /** Gives up a device that was lost, or has reported another error: it does so for ever. */
  async closeFailed(): Promise<void> {
    const gpu = await this.#gpu?.catch(() => undefined);
    try {
      gpu?.check();
      if (!gpu) this.#gpu = undefined;
    } catch (error) {
      this.#wasLost ||= error instanceof DeviceLostError;
      this.#gpu = undefined;
      gpu?.destroy();
    }
  }
}

async function requestAdapter(): Promise<GPUAdapter> {
  // Absent in insecure pages, and in browsers without WebGPU.
  const { gpu } = navigator as { gpu?: GPU };
  if (!gpu) {
    throw new AdapterError(
      isSecureContext
        ? "this browser has no WebGPU: use a current Chrome, Edge, Firefox or Safari, and check that WebGPU is switched on in it"
        : "WebGPU needs a page that is served over https or from localhost",
    );
  }
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" }).catch((error: unknown) => {
    const { message } = error as Error;
    throw new AdapterError(`this browser refuses WebGPU: ${message || String(error)}`, { cause: error });
  });
  if (adapter) return adapter;
  throw new AdapterError(
    "this browser finds no GPU that it may use: switch hardware acceleration on in its settings, or update the driver (in Chrome and Edge, chrome://gpu says what is missing); if it has just failed, restart the browser",
  );
}
