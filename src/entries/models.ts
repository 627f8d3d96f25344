/**
 * `mganet-webgpu/models`: MGA-Net and the networks that it is compared with, each with `forward` for images [N, H, W, 3] as `imageOf`
 * makes them; and predictions from a checkpoint of the command line or the page.
 *
 * @module mganet-webgpu/models
 */
export { IMAGE_DEVIATION, IMAGE_MEAN } from "../data/batches.ts";
export type { GreyImage } from "../data/grey-image.ts";
export { DataError, type Box, type Classes } from "../data/sample.ts";
export { cropMethods, type CropMethod } from "../data/tissue/crop.ts";
export type { Outline } from "../explain/outline.ts";
export { Inception, type InceptionOptions } from "../models/inception/network.ts";
export { jointLoss, segmentationLoss } from "../models/mganet/losses.ts";
export { MGA } from "../models/mganet/mga.ts";
export { MGANet, paperOptions, type MGANetOptions } from "../models/mganet/network.ts";
export { UNet } from "../models/mganet/unet.ts";
export { ResNet34, type ResNet34Options } from "../models/resnet34/network.ts";
export { ResNeXt, type ResNeXtOptions } from "../models/resnext/network.ts";
export { BasicBlock, ResNet } from "../models/shared/resnet.ts";
export type { Outputs } from "../models/spec.ts";
export { Swin, type SwinOptions } from "../models/swin/network.ts";
export { VGG, type VGGOptions } from "../models/vgg/network.ts";
export { ViT, type ViTOptions } from "../models/vit/network.ts";
export { imageOf, type ImageOptions, type NetworkImage } from "../runs/image-of.ts";
export {
  PicturePredictor,
  type PictureNetworkOptions,
  type PicturePrediction,
  type PicturePredictorOptions,
} from "../runs/picture-predictor.ts";
export { CheckpointError, loadWeights, parseCheckpoint, type Checkpoint } from "../train/checkpoint.ts";
export { Predictor, type Inference, type Prediction, type PredictorOptions } from "../train/predictor.ts";
