/** Something to be done when the event that is being handled is over. */
export interface HandOver {
  handOver(): void;
}

const settled: Promise<void> = Promise.resolve();
// As it is now, because tests put clocks of their own in its place.
const { setImmediate } = globalThis;
let ofThisStep: HandOver[] = [];
let ofThisTurn: HandOver[] = [];

/**
 * Calls `handOver` when what came in one read has been seen. A head and the small body behind it come together: the response
 * that the caller gets is then known to be complete and needs no watching. One exchange to a connection is told all of it in
 * one step of the event loop; streams that share one are told of each frame in a step of its own, all in one turn.
 */
export function soon(item: HandOver, multiplexed: boolean = false): void {
  if (multiplexed) {
    if (ofThisTurn.push(item) === 1) setImmediate(endTurn);
  } else if (ofThisStep.push(item) === 1) {
    // Half the price of queueMicrotask, which makes an AsyncResource for each call.
    void settled.then(endStep);
  }
}

function endStep(): void {
  const items = ofThisStep;
  ofThisStep = [];
  for (const item of items) item.handOver();
}

function endTurn(): void {
  const items = ofThisTurn;
  ofThisTurn = [];
  for (const item of items) item.handOver();
}
