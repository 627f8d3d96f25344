/**
 * Shows a report apart from the page. A document made of text inherits the page's policy, which forbids the report's own style; the
 * frame is therefore a file with a policy of its own, in a sandbox without this page's origin, to which the report is handed.
 */
import { useEffect, useRef } from "preact/hooks";

export function ReportFrame({ html, title }: { html: string; title: string }) {
  const frame = useRef<HTMLIFrameElement>(null);
  // The sandbox has no origin that could be named.
  const show = () => frame.current?.contentWindow?.postMessage(html, "*");
  useEffect(show, [html]);
  return (
    <iframe
      ref={frame}
      class="report"
      title={title}
      src="./report-frame.html"
      // Scripts: the file's own, by its hash, and none that the report could hold.
      sandbox="allow-scripts"
      onLoad={show}
    />
  );
}
