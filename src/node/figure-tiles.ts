/** An explained image as the pictures of a case in Figure 4. */
import sharp from "sharp";
import { TILE, type FigureCase, type FigureTile } from "../report/case-figure.ts";
import { blend, greatest, type Colours, type Grid } from "../explain/heat.ts";
import { showValue, TISSUE } from "./panel.ts";
import { tilesOf, type ExplainedPicture, type Tile } from "./tiles.ts";

/** Pixels of a picture's longer side: as in the file, at most this many, for print. */
const MOST_PIXELS = 2 * TILE;

/** Image, baseline's activation, mask and activation, and the end of the colour scale. */
export async function figureTiles(explained: ExplainedPicture): Promise<Pick<FigureCase, "tiles" | "most">> {
  const { image, outline, before, after } = explained;
  const side = Math.min(MOST_PIXELS, Math.max(image.width, image.height));
  const tiles = await tilesOf(explained, side, side / TILE);
  const embedded = async ({ picture, marks }: Tile, note?: string): Promise<FigureTile> => {
    const { width, height } = picture;
    return { width, height, picture: await pngUrl(picture), marks, ...(note === undefined ? {} : { note }) };
  };
  const activation = async (tile: Tile | undefined, map: Grid | undefined) =>
    tile && map ? embedded(tile, `max ${showValue(greatest([map]))}`) : "none";
  const mask =
    tiles.mask && !outline?.unlearned
      ? await embedded(tiles.mask, outline?.box ? undefined : "empty")
      : "no mask was learned";
  return {
    tiles: [
      await embedded(tiles.image),
      await activation(tiles.before, before),
      mask,
      await activation(tiles.after, after),
    ],
    most: showValue(tiles.most),
  };
}

async function pngUrl({ width, height, data }: Colours): Promise<string> {
  const png = await sharp(data, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 9 })
    .toBuffer();
  return `data:image/png;base64,${png.toString("base64")}`;
}

const COLOURS = 48;

/** The colour scale of activations, from 0 to its end. */
export const activationColours: readonly string[] = Array.from({ length: COLOURS }, (_, i) => {
  return `rgb(${blend((i + 0.5) / COLOURS, TISSUE, false).join(",")})`;
});

/** An SVG that stands alone as a PNG, on white, at `scale` times its size. */
export const pngOf = (svg: string, scale = 2): Promise<Buffer> =>
  sharp(Buffer.from(svg), { density: 72 * scale, unlimited: true })
    .flatten({ background: "#ffffff" })
    .png({ compressionLevel: 9 })
    .toBuffer();
