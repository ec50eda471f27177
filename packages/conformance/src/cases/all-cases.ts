import type { Case } from "../case.ts";
import { abortCases } from "./abort.ts";
import { badInputCases } from "./bad-input.ts";
import { channelCases } from "./channel.ts";
import { closeCases } from "./close.ts";
import { deadlineCases } from "./deadlines.ts";
import { errorCases } from "./errors.ts";
import { eventCases } from "./events.ts";
import { flowControlCases } from "./flow-control.ts";
import { goodbyeCases } from "./goodbyes.ts";
import { informationalCases } from "./informational.ts";
import { leakCases } from "./leaks.ts";
import { limitCases } from "./limits.ts";
import { multiplexingCases } from "./multiplexing.ts";
import { placeCases } from "./places.ts";
import { pushCases } from "./push.ts";
import { queueCases } from "./queue.ts";
import { requestBodyCases } from "./request-body.ts";
import { requestCases } from "./request.ts";
import { resetCases } from "./resets.ts";
import { responseBodyCases } from "./response-body.ts";
import { silenceCases } from "./silence.ts";
import { statsCases } from "./stats.ts";
import { timingCases } from "./timings.ts";
import { trailerCases } from "./trailers.ts";
import { truncationCases } from "./truncation.ts";
import { uploadCases } from "./uploads.ts";
import { violationCases } from "./violations.ts";

/** The whole suite, in the order in which an adapter is best made to pass it. */
export const allCases: readonly Case[] = [
  ...requestCases,
  ...responseBodyCases,
  ...requestBodyCases,
  ...uploadCases,
  ...badInputCases,
  ...errorCases,
  ...limitCases,
  ...queueCases,
  ...abortCases,
  ...deadlineCases,
  ...closeCases,
  ...placeCases,
  ...silenceCases,
  ...trailerCases,
  ...informationalCases,
  ...statsCases,
  ...timingCases,
  ...eventCases,
  ...leakCases,
  ...multiplexingCases,
  ...truncationCases,
  ...resetCases,
  ...goodbyeCases,
  ...violationCases,
  ...flowControlCases,
  ...pushCases,
  ...channelCases,
];
