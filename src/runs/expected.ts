/** Tells errors that a user can mend from bugs. */
import { SafetensorsError } from "../data/safetensors.ts";
import { TorchFileError } from "../data/torch/kind.ts";
import { DataError } from "../data/sample.ts";
import { ExportError } from "../export/half.ts";
import { DeviceLostError, OutOfMemoryError } from "../gpu/gpu.ts";
import { PlanError } from "../graph/compile.ts";
import { ConfigError } from "../models/config-error.ts";
import { CaseError } from "../models/parity-case.ts";
import { DivergedError } from "../loop/diverged.ts";
import { WeightsError } from "../io/weights-error.ts";
import { InputError } from "./store.ts";

const expected = [
  CaseError,
  ConfigError,
  DataError,
  DeviceLostError,
  DivergedError,
  ExportError,
  InputError,
  OutOfMemoryError,
  PlanError,
  SafetensorsError,
  TorchFileError,
  WeightsError,
];

/** Whether the error's message is all that the user needs. */
export const isExpected = (error: unknown): boolean => expected.some((type) => error instanceof type);
