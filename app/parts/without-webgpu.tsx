/** What to do where there is no WebGPU, by browser. */

type Browser = "chromium" | "firefox" | "safari" | "other";

/** Edge, Opera and so on are Chromium; iOS browsers are Safari. */
export function browserOf(userAgent: string): Browser {
  if (/Firefox\//.test(userAgent)) return "firefox";
  if (/Chrom(?:e|ium)\//.test(userAgent)) return "chromium";
  return /Safari\//.test(userAgent) ? "safari" : "other";
}

const advice: Readonly<Record<Browser, readonly string[]>> = {
  chromium: [
    "Update the browser: Chrome and Edge have WebGPU since version 113 on Windows, macOS and ChromeOS, and since 121 on Android.",
    "On Linux, start it with --enable-unsafe-webgpu --enable-features=Vulkan, or turn on both flags on its page chrome://flags.",
    "Look at chrome://gpu: if WebGPU is “disabled”, hardware acceleration is off in the settings, or the driver is too old.",
  ],
  firefox: [
    "Update Firefox: it has WebGPU since version 141 on Windows and 145 on Macs with Apple silicon.",
    "Elsewhere, set dom.webgpu.enabled to true on its page about:config, or use Chrome or Edge.",
  ],
  safari: ["Update the system: Safari has WebGPU since version 26 (macOS 26, iOS 26, iPadOS 26)."],
  other: ["Use a current version of Chrome, Edge, Firefox or Safari."],
};

export function WithoutWebGpu({ reason, again }: { reason: string; again: () => void }) {
  return (
    <div class="warning" role="alert">
      <p>
        <b>Nothing can be computed here:</b> {reason}
      </p>
      <ul>
        {!isSecureContext && (
          <li>Open the page over https, or from localhost: browsers offer WebGPU to secure pages only.</li>
        )}
        {advice[browserOf(navigator.userAgent)].map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
      <p>Images can be opened and annotated without it.</p>
      <button onClick={again}>Try again</button>
    </div>
  );
}
