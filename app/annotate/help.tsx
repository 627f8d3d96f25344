/** The keys of the Annotate view, and what its colours mean. */

interface Props {
  /** Whether the image came with a true outline, and whether it is still that of the boxes. */
  hasOutline: boolean;
  outlined: boolean;
}

export function Help({ hasOutline, outlined }: Props) {
  return (
    <>
      <details>
        <summary>Keys</summary>
        <dl class="keys">
          <dt>N, P</dt>
          <dd>next, previous image</dd>
          <dt>1 to 9, 0</dt>
          <dd>class, unknown</dd>
          <dt>Ctrl Z, Ctrl Y</dt>
          <dd>undo, redo</dd>
          <dt>B</dt>
          <dd>new box (in the picture)</dd>
          <dt>arrows</dt>
          <dd>move the box; Shift 10 pixels, Alt resizes</dd>
          <dt>Shift and drag</dt>
          <dd>a new box over another</dd>
          <dt>Delete</dt>
          <dd>delete the box</dd>
          <dt>M, Enter, Escape</dt>
          <dd>propose boxes; confirm, dismiss them</dd>
          <dt>+ − F</dt>
          <dd>zoom in, out, fit; two fingers zoom and move</dd>
          {hasOutline && <dt>O</dt>}
          {hasOutline && <dd>true outline on, off (in the picture)</dd>}
        </dl>
      </details>
      <ul class="key small dim" aria-label="Colours">
        <li class="of-box">the box</li>
        <li class="of-ellipse">the ellipse in it, from which the network learns the mask</li>
        {hasOutline && outlined && <li class="of-outline">the true outline; a training can learn from it instead</li>}
        <li class="of-crop">what is cropped away is dark</li>
      </ul>
    </>
  );
}
